use arrow::datatypes::{DataType, TimeUnit};
use etl_model::{SourceLocation, json_field};

use super::*;

#[test]
fn records_become_columns() {
    let data = "{\"a\":1,\"b\":\"x\\n\u{e9}\\ud83d\\ude00\",\"c\":true,\"d\":1.5,\"e\":{\"f\":[1,null]},\"g\":null}\n";
    let (batches, errors) = decode(LINES, data);
    assert_eq!(errors, []);
    let item = "List(Int64, field: 'item')";
    let list = batches[0].schema().field(4).data_type().to_string();
    assert!(list.contains("Int64"), "{list} is not like {item}");
    assert_eq!(types(&batches[0])[..4], ["a: Int64", "b: Utf8", "c: Boolean", "d: Float64"]);
    assert_eq!(types(&batches[0])[5], "g: Utf8 json");
    let expected =
        "{\"a\":1,\"b\":\"x\\n\u{e9}\u{1f600}\",\"c\":true,\"d\":1.5,\"e\":{\"f\":[1,null]},\"g\":null}\n";
    assert_eq!(encode(&batches), expected);
}

#[test]
fn ordinals_are_offsets_and_blank_lines_are_none() {
    let (batches, errors) = decode(LINES, "\u{feff}{\"a\":1}\r\n\r\n  {\"a\":2}\n\n{\"a\":3}");
    assert_eq!(errors, []);
    assert_eq!(ordinals(&batches), [3, 16, 25]);
}

#[test]
fn missing_fields_are_null_and_new_ones_join() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("b", DataType::Int64, true),
        Field::new("a", DataType::Utf8, true),
    ]));
    let decoder = JsonDecoder::new(LINES, Some(schema), false).unwrap();
    let data = "{\"a\":\"x\"}\n{\"c\":1.5}\n{\"b\":2,\"\\u0061\":\"y\"}\n{}\n";
    let (batches, errors) = decoder.decode(section(data.as_bytes())).unwrap();
    assert_eq!(errors, []);
    assert_eq!(types(&batches[0]), ["b: Int64", "a: Utf8", "c: Float64"]);
    let expected = "{\"b\":null,\"a\":\"x\",\"c\":null}\n{\"b\":null,\"a\":null,\"c\":1.5}\n\
                    {\"b\":2,\"a\":\"y\",\"c\":null}\n{\"b\":null,\"a\":null,\"c\":null}\n";
    assert_eq!(encode(&batches), expected);
}

#[test]
fn conflicts_keep_every_value_as_it_was_written() {
    let data = "{\"a\":1,\"b\":[1]}\n{\"a\":\"x\",\"b\":[\"1\", {\"c\" : 2.50}]}\n{\"a\":{\"z\":1.0}}\n{\"a\":null}\n";
    let (batches, errors) = decode(LINES, data);
    assert_eq!(errors, []);
    assert_eq!(types(&batches[0])[0], "a: Utf8 json");
    let expected = "{\"a\":1,\"b\":[1]}\n{\"a\":\"x\",\"b\":[\"1\",{\"c\" : 2.50}]}\n\
                    {\"a\":{\"z\":1.0},\"b\":null}\n{\"a\":null,\"b\":null}\n";
    assert_eq!(encode(&batches), expected);
}

#[test]
fn integers_widen_to_doubles_only_where_that_is_exact() {
    let types = |data: &str| types(&decode(LINES, data).0[0]);
    assert_eq!(types("{\"a\":9007199254740992}\n{\"a\":0.5}\n"), ["a: Float64"]);
    assert_eq!(types("{\"a\":9007199254740993}\n{\"a\":0.5}\n"), ["a: Utf8 json"]);
    assert_eq!(types("{\"a\":0.5}\n{\"a\":9007199254740993}\n"), ["a: Utf8 json"]);
    assert_eq!(types("{\"a\":1}\n{\"a\":9223372036854775807}\n{\"a\":-9223372036854775808}\n"), ["a: Int64"]);
    for beyond in ["9223372036854775808", "1e400", "-1e400", "1e-400", "123456789012345678901234567890"] {
        let data = format!("{{\"a\":1}}\n{{\"a\":{beyond}}}\n");
        let (batches, errors) = decode(LINES, &data);
        assert_eq!(errors, []);
        assert_eq!(encode(&batches), data);
    }
}

#[test]
fn minus_zero_and_odd_numbers_keep_their_value() {
    let data =
        "{\"a\":-0}\n{\"a\":0}\n{\"a\":1e2}\n{\"a\":1.7976931348623157e308}\n{\"a\":5e-324}\n{\"a\":0e999}\n";
    let (batches, errors) = decode(LINES, data);
    assert_eq!(errors, []);
    let column = arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(
        batches[0].records().column(0).as_ref(),
    );
    let bits: Vec<u64> = column.values().iter().map(|value| value.to_bits()).collect();
    let expected = [-0.0, 0.0, 100.0, f64::MAX, 5e-324, 0.0].map(f64::to_bits);
    assert_eq!(bits, expected);
}

#[test]
fn malformed_lines_are_named_and_the_others_come_out() {
    let bad = [
        ("{\"a\":tru}", "json_syntax", 6),
        ("{\"a\":1,}", "json_syntax", 8),
        ("{\"a\":01}", "json_syntax", 6),
        ("{\"a\":NaN}", "json_syntax", 6),
        ("{\"a\":-Infinity}", "json_syntax", 6),
        ("{\"a\":\"\u{1}\"}", "json_syntax", 7),
        ("{\"a\":\"\\ud800x\"}", "json_surrogate", 7),
        ("{\"a\":\"\\udc00\"}", "json_surrogate", 7),
        ("{\"a\":1} {\"a\":2}", "json_syntax", 9),
        ("{\"a\":1,\"a\":1}", "json_duplicate_key", 8),
        ("{\"a\":1,\"\\u0061\":1}", "json_duplicate_key", 8),
        ("{\"n\":{\"a\":1,\"a\":1}}", "json_duplicate_key", 13),
        ("{\"new\":{\"a\":{\"b\":[1,2", "json_syntax", 22),
        ("[1]", "json_not_object", 1),
        ("\"text\"", "json_not_object", 1),
        ("}", "json_syntax", 1),
    ];
    for nested in [LINES, RAW] {
        for (line, code, column) in bad {
            let data = format!("{{\"a\":1}}\n{line}\n{{\"a\":2}}\n");
            let (batches, errors) = decode(nested, &data);
            assert_eq!(encode(&batches), "{\"a\":1}\n{\"a\":2}\n", "{line}");
            assert_eq!(errors.len(), 1, "{line}");
            assert_eq!(errors[0].code, code, "{line}: {}", errors[0].message);
            let at = SourceLocation { origin: "test.json".into(), line: Some(2), column: Some(column) };
            assert_eq!(errors[0].location, Some(at), "{line}");
            assert_eq!(errors[0].ordinal, 8);
        }
    }
}

#[test]
fn a_malformed_record_leaves_no_trace_in_types_or_values() {
    let data = "{\"a\":1,\"s\":\"x\",\"n\":{\"l\":[1]}}\n\
                {\"a\":1.5,\"s\":\"partly \\n \\ud800\"}\n\
                {\"a\":\"no\",\"new\":1,\"n\":{\"l\":[2,\"x\",{}],\"m\":1},\"s\":5,]\n\
                {\"a\":2,\"s\":\"y\",\"n\":{\"l\":[3,4]}}\n";
    let (batches, errors) = decode(LINES, data);
    assert_eq!(errors.len(), 2);
    assert_eq!(types(&batches[0])[..2], ["a: Int64", "s: Utf8"]);
    assert_eq!(
        encode(&batches),
        "{\"a\":1,\"s\":\"x\",\"n\":{\"l\":[1]}}\n{\"a\":2,\"s\":\"y\",\"n\":{\"l\":[3,4]}}\n"
    );
}

#[test]
fn invalid_utf8_is_one_record_error() {
    let data = b"{\"a\":\"x\"}\n{\"a\":\"\xff\"}\n{\"a\":\"\xc3\xa9\"}\n";
    let decoder = JsonDecoder::new(LINES, None, false).unwrap();
    let (batches, errors) = decoder.decode(section(data)).unwrap();
    assert_eq!(encode(&batches), "{\"a\":\"x\"}\n{\"a\":\"\u{e9}\"}\n");
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code, "json_utf8");
    assert_eq!(errors[0].location.as_ref().and_then(|l| l.column), Some(7));
    assert_eq!(errors[0].record, serde_json::json!("{\"a\":\"\u{fffd}\"}"));
}

#[test]
fn depth_is_limited() {
    let nest = |depth: usize| format!("{{\"a\":{}{}}}\n", "[".repeat(depth - 1), "]".repeat(depth - 1));
    for options in [LINES, RAW] {
        assert_eq!(decode(options, &nest(128)).1, []);
        assert_eq!(decode(options, &nest(129)).1[0].code, "json_depth");
        assert_eq!(decode(options, &nest(1_000_000)).1[0].code, "json_depth");
    }
}

#[test]
fn a_declared_type_refuses_what_does_not_fit() {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let inner = vec![Field::new("x", DataType::Int64, true)];
    let fields = vec![
        Field::new("i", DataType::Int64, true),
        Field::new("f", DataType::Float64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("b", DataType::Boolean, true),
        Field::new("t", timestamp, true),
        Field::new("d", DataType::Date32, true),
        Field::new("n", DataType::Decimal128(5, 2), true),
        Field::new("o", DataType::Struct(inner.into()), true),
        json_field("j", true),
        Field::new("y", DataType::Int8, true),
        Field::new("u", DataType::UInt64, true),
    ];
    let good = "{\"i\":1,\"f\":2,\"s\":\"x\",\"b\":true,\"t\":\"2024-01-31T12:00:00.5Z\",\"d\":\"2024-02-29\",\"n\":1.5,\
                \"o\":{\"x\":1},\"j\":[1, 2],\"y\":-128,\"u\":18446744073709551615}\n";
    let (batches, errors) = declared(fields.clone(), good);
    assert_eq!(errors, []);
    let written = good.replace("\"f\":2,", "\"f\":2.0,").replace(":1.5,", ":1.50,");
    assert_eq!(encode(&batches), written);
    for bad in [
        "\"i\":1.0",
        "\"i\":\"1\"",
        "\"i\":9223372036854775808",
        "\"f\":9007199254740993",
        "\"f\":1e400",
        "\"s\":5",
        "\"b\":\"true\"",
        "\"b\":0",
        "\"t\":\"2024-01-31\"",
        "\"t\":5",
        "\"d\":\"2024-02-30\"",
        "\"n\":1.505",
        "\"n\":1000",
        "\"n\":\"1\"",
        "\"o\":{\"x\":\"1\"}",
        "\"o\":5",
        "\"y\":128",
        "\"u\":-1",
        "\"u\":1.0",
    ] {
        let (batches, errors) = declared(fields.clone(), &format!("{good}{{{bad}}}\n{good}"));
        assert_eq!(encode(&batches), written.repeat(2), "{bad}");
        assert_eq!(errors.len(), 1, "{bad}");
        assert_eq!(errors[0].code, "json_type", "{bad}");
        let field = if bad.starts_with("\"o\":{") { "o.x".to_owned() } else { bad[1..2].to_owned() };
        assert_eq!(errors[0].field, Some(field));
        assert!(errors[0].help.is_some() && errors[0].record.is_object());
    }
}

#[test]
fn only_the_named_columns_are_declared() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("b", DataType::Int64, true),
    ]));
    let decoder = JsonDecoder::with_declared(LINES, schema, ["a"]).unwrap();
    let (batches, errors) =
        decoder.decode(section(b"{\"a\":1,\"b\":\"x\"}\n{\"a\":\"x\",\"b\":1}\n")).unwrap();
    assert_eq!(encode(&batches), "{\"a\":1,\"b\":\"x\"}\n");
    assert_eq!(errors[0].field.as_deref(), Some("a"));
}

#[test]
fn a_long_value_is_cut_in_the_message() {
    let data = format!("{{\"a\":\"{}\"}}\n", "\u{e9}".repeat(5000));
    let (_, errors) = declared(vec![Field::new("a", DataType::Int64, true)], &data);
    assert!(errors[0].message.chars().count() < 160, "{}", errors[0].message);
}

#[test]
fn dictionaries_do_not_become_thousands_of_columns() {
    let nested: String = (0..5000).map(|i| format!("{{\"id\":{i},\"m\":{{\"k{i}\":{i}}}}}\n")).collect();
    let (batches, errors) = decode(LINES, &nested);
    assert_eq!(errors, []);
    assert_eq!(types(&batches[0]), ["id: Int64", "m: Utf8 json"]);
    assert_eq!(encode(&batches), nested);

    let flat: String = (0..5000).map(|i| format!("{{\"k{i}\":{i}}}\n")).collect();
    let (batches, errors) = decode(LINES, &flat);
    assert_eq!(errors, []);
    assert_eq!(batches.iter().map(Batch::len).sum::<usize>(), 5000);
    let cells: usize = batches.iter().map(|batch| batch.len() * batch.records().num_columns()).sum();
    assert!(cells < 2_000_000, "{cells}");
    assert!(ordinals(&batches).is_sorted());
}

#[test]
fn inference_tells_types_and_leaves_malformed_records_out() {
    let data = b"{\"a\":1,\"n\":null,\"e\":{},\"l\":[]}\n{\"a\":2.5,\"z\"\n{\"b\":{\"c\":\"x\"}}\n";
    let schema = infer(section(data), LINES).unwrap();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["a", "n", "e", "l", "b"]);
    assert_eq!(schema.field(0).data_type(), &DataType::Int64);
    assert!(etl_model::is_json(schema.field(1)) && etl_model::is_json(schema.field(2)));
    assert!(matches!(schema.field(3).data_type(), DataType::List(item) if etl_model::is_json(item)));
    assert!(etl_model::is_json(infer(section(data), RAW).unwrap().field(4)));
    assert_eq!(infer(section(b""), LINES).unwrap().fields().len(), 0);
}

#[test]
fn inference_joins_what_sparse_records_tell() {
    let mut data: String = (0..3000).map(|i| format!("{{\"k{}\":{i},\"n\":null}}\n", i % 300)).collect();
    data.push_str("{\"k7\":0.5,\"n\":true}\n");
    assert!(decode(LINES, &data).0.len() > 1);
    let schema = infer(section(data.as_bytes()), LINES).unwrap();
    assert_eq!(schema.fields().len(), 301);
    assert_eq!(schema.field_with_name("k7").unwrap().data_type(), &DataType::Float64);
    assert_eq!(schema.field_with_name("k8").unwrap().data_type(), &DataType::Int64);
    assert_eq!(schema.field_with_name("n").unwrap().data_type(), &DataType::Boolean);
}

#[test]
fn raw_nested_values_stay_byte_for_byte() {
    let data = "{\"a\":{\"x\" : 1.50,\"y\":[ ]},\"b\":[1,2]}\n";
    assert_eq!(encode(&decode(RAW, data).0), data);
}

#[test]
fn array_elements_may_span_lines() {
    let data = "[\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": x\n  },\n  {\"a\": 3}\n]\n";
    let (batches, errors) = decode(ARRAY, data);
    assert_eq!(encode(&batches), "{\"a\":1}\n{\"a\":3}\n");
    let location = errors[0].location.as_ref().unwrap();
    assert_eq!((location.line, location.column), (Some(6), Some(10)));
}

#[test]
fn types_without_a_reading_are_refused_up_front() {
    let schema = Schema::new(vec![Field::new("a", DataType::Duration(TimeUnit::Second), true)]);
    let result = JsonDecoder::new(LINES, Some(Arc::new(schema)), true);
    assert!(matches!(result, Err(FormatError::Unsupported { column, .. }) if column == "a"));
}

#[test]
fn a_fault_has_one_place_however_its_column_is_read() {
    let bad = "{\"\":[0,{\"k\\u0065y\":{ :1}}]}\n";
    // Alone, in a column of lists, and in one whose types differ, which is kept as JSON.
    for before in ["", "{\"\":[1]}\n", "{\"\":1}\n{\"\":\"x\"}\n"] {
        let (_, errors) = decode(LINES, &format!("{before}{bad}"));
        assert_eq!(errors.len(), 1, "{before}");
        assert_eq!(errors[0].field.as_deref(), Some("[1].key"), "{before}");
    }
}

#[test]
fn nothing_but_a_key_is_taken_for_a_key_with_escapes() {
    let (batches, errors) = decode(LINES, "{\"\\\"a\":1}\n{\0:2}\n{\"\\u0022a\":3}\n");
    assert_eq!(encode(&batches), "{\"\\\"a\":1}\n{\"\\\"a\":3}\n");
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.starts_with("expected a key in quotes"), "{}", errors[0].message);
}

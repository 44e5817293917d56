use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    DurationMillisecondArray, Float32Array, Float64Array, Int32Array, Int32Builder, Int64Array,
    IntervalMonthDayNanoArray, ListBuilder, MapBuilder, StringArray, StringBuilder, StructArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Field, Int8Type, IntervalMonthDayNano};
use etl_model::json_field;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Cell, cells, cells_of, codes, encode, field, messages, texts, ty};

/// The documents of a column, whose version byte is checked.
fn documents(array: &ArrayRef) -> Vec<Value> {
    let plain = super::values(array, "json");
    let binary = super::values(array, "jsonb");
    for (plain, binary) in plain.iter().zip(&binary) {
        assert_eq!((binary[0], &binary[1..]), (1, plain.as_slice()));
    }
    plain.iter().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect()
}

fn object(columns: Vec<(&str, ArrayRef)>) -> ArrayRef {
    let columns = columns
        .into_iter()
        .map(|(name, values)| (Arc::new(Field::new(name, values.data_type().clone(), true)), values));
    Arc::new(StructArray::from(columns.collect::<Vec<_>>()))
}

#[test]
fn json_text_goes_through_untouched() {
    let text = " {\"a\": [1.50, -0e+1, true, null], \"a\":\"\\u00e9\\/\"}\n";
    let array = texts(&[text]);
    assert_eq!(cells(&array, "json"), [Cell::Value(text.as_bytes().to_vec())]);
    let expected = [b"\x01", text.as_bytes()].concat();
    assert_eq!(cells(&array, "jsonb"), [Cell::Value(expected.clone())]);
    let marked = json_field("x", true);
    assert_eq!(cells_of(marked.clone(), &array, &ty("jsonb")), [Cell::Value(expected)]);
    assert_eq!(cells_of(marked, &array, &ty("text")), [Cell::Value(text.as_bytes().to_vec())]);
}

#[test]
fn what_is_not_json_is_a_fault() {
    let bad = texts(&[
        "",
        " ",
        "hello",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "[1}",
        "{\"a\":1]",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "NaN",
        "nul",
        "truex",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12",
        "\"a\nb\"",
        "1 2",
        "[1] ]",
        "'a'",
        "[1 2]",
        "{\"a\" 1}",
        "{1:2}",
        "\u{feff}1",
        "\"\t\"",
        "[\"a\\\"]",
        "--1",
        "1.e1",
        "\u{a0}1",
    ]);
    for name in ["json", "jsonb"] {
        assert_eq!(codes(&bad, name), ["invalid_json"; 38]);
    }
    assert_eq!(
        codes(&texts(&["\"a\0\"", "\0", "1\0"]), "json"),
        ["nul_character", "nul_character", "invalid_json"]
    );
}

#[test]
fn what_only_jsonb_refuses() {
    let long = format!("1{}", "0".repeat(131_072));
    let array = texts(&[
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00x\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"",
        "1e200000",
        "1e-16384",
        &long,
    ]);
    let plain = cells(&array, "json");
    assert!(plain.iter().all(|cell| matches!(cell, Cell::Value(_))));
    assert_eq!(
        codes(&array, "jsonb"),
        [
            "nul_character",
            "invalid_json",
            "invalid_json",
            "invalid_json",
            "invalid_json",
            "out_of_range",
            "out_of_range",
            "out_of_range",
        ]
    );
    let fine = texts(&["\"\\ud83d\\ude00\"", "\"\\\\u0000\"", "1e131071", "1e-16383", "0e999999999"]);
    assert!(cells(&fine, "jsonb").iter().all(|cell| matches!(cell, Cell::Value(_))));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[{\"a\":".repeat(depth / 2), "1") + &"}]".repeat(depth / 2);
    for depth in [62, 64, 66, 128, 130, 5_000] {
        let text = nested(depth);
        let wrong = text.replacen("}]", "]}", 1);
        assert_eq!(
            cells(&texts(&[&text, &wrong]), "json"),
            [Cell::Value(text.into_bytes()), Cell::Fault("invalid_json")],
            "{depth}"
        );
    }
    assert_eq!(codes(&texts(&[&nested(5_002), &"[".repeat(1_000_000)]), "json"), ["json_too_deep"; 2]);
}

#[test]
fn structs_hold_values_of_every_type() {
    let words: DictionaryArray<Int8Type> = vec![Some("x"), None].into_iter().collect();
    let array = object(vec![
        ("null", Arc::new(arrow::array::NullArray::new(2))),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("int", Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX]))),
        ("uint", Arc::new(UInt64Array::from(vec![0, u64::MAX]))),
        ("float", Arc::new(Float64Array::from(vec![0.1, -1e300]))),
        ("real", Arc::new(Float32Array::from(vec![0.1, 3.5]))),
        ("date", Arc::new(Date32Array::from(vec![0, -719_528]))),
        ("time", Arc::new(Time64NanosecondArray::from(vec![1, 86_399_000_000_000]))),
        ("naive", Arc::new(TimestampNanosecondArray::from(vec![1, -1]))),
        ("utc", Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000]).with_timezone("Asia/Tokyo"))),
        ("duration", Arc::new(DurationMillisecondArray::from(vec![-1_500, 0]))),
        ("interval", Arc::new(IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(1, -2, 3); 2]))),
        ("bytes", Arc::new(BinaryArray::from(vec![b"a".as_slice(), b"\xff\xfe\xfd"]))),
        ("text", Arc::new(StringArray::from(vec!["\"\\\n\u{1}é😀", ""]))),
        ("word", Arc::new(words)),
    ]);
    assert_eq!(
        documents(&array),
        [
            json!({
                "null": null, "bool": true, "int": i64::MIN, "uint": 0, "float": 0.1, "real": 0.1,
                "date": "1970-01-01", "time": "00:00:00.000000001", "naive": "1970-01-01T00:00:00.000000001",
                "utc": "1970-01-01T00:00:00Z", "duration": "PT-1.5S", "interval": "P1M-2DT0.000000003S",
                "bytes": "YQ==", "text": "\"\\\n\u{1}é😀", "word": "x",
            }),
            json!({
                "null": null, "bool": null, "int": i64::MAX, "uint": u64::MAX, "float": -1e300, "real": 3.5,
                "date": "0000-01-01", "time": "23:59:59", "naive": "1969-12-31T23:59:59.999999999",
                "utc": "1970-01-01T00:00:01.5Z", "duration": "PT0S", "interval": "P1M-2DT0.000000003S",
                "bytes": "//79", "text": "", "word": null,
            }),
        ]
    );
}

#[test]
fn decimals_keep_their_digits_in_documents() {
    let decimals = Decimal128Array::from(vec![i128::from(i64::MAX) * 1_000_000 + 500, -5, 0]);
    let array = object(vec![("d", Arc::new(decimals.with_precision_and_scale(38, 3).unwrap()))]);
    let texts: Vec<String> =
        super::values(&array, "json").into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
    assert_eq!(texts, [r#"{"d":9223372036854775807000.500}"#, r#"{"d":-0.005}"#, r#"{"d":0.000}"#]);
    let rough = Decimal128Array::from(vec![12, 0]).with_precision_and_scale(5, -3).unwrap();
    assert_eq!(documents(&object(vec![("d", Arc::new(rough))])), [json!({"d": 12000}), json!({"d": 0})]);
}

#[test]
fn nulls_inside_and_outside() {
    let inner: ArrayRef = object(vec![("a", Arc::new(Int32Array::from(vec![1, 2, 3])))]);
    let inner = inner.as_any().downcast_ref::<StructArray>().unwrap().clone();
    let (fields, columns, _) = inner.into_parts();
    let array: ArrayRef =
        Arc::new(StructArray::new(fields, columns, Some(NullBuffer::from(vec![true, false, true]))));
    assert_eq!(
        cells(&array, "json"),
        [Cell::Value(b"{\"a\":1}".to_vec()), Cell::Null, Cell::Value(b"{\"a\":3}".to_vec())]
    );
    assert_eq!(
        documents(&object(vec![("o", array)])),
        [json!({"o": {"a": 1}}), json!({"o": null}), json!({"o": {"a": 3}})]
    );
}

#[test]
fn lists_maps_and_json_inside() {
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_null();
    lists.append_value([]);
    let lists: ArrayRef = Arc::new(lists.finish());
    assert_eq!(documents(&lists.slice(0, 1)), [json!([1, null])]);
    assert_eq!(cells(&lists, "json")[1], Cell::Null);
    let mut maps = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    for (key, value) in [(7, "a"), (-8, "b")] {
        maps.keys().append_value(key);
        maps.values().append_value(value);
    }
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    maps.append(true).unwrap();
    let maps: ArrayRef = Arc::new(maps.finish());
    assert_eq!(cells(&maps, "json")[1], Cell::Null);
    assert_eq!(
        documents(&object(vec![("l", lists), ("m", maps)])),
        [
            json!({"l": [1, null], "m": {"7": "a", "-8": "b"}}),
            json!({"l": null, "m": null}),
            json!({"l": [], "m": {}})
        ]
    );
    let raw: ArrayRef = Arc::new(StringArray::from(vec![Some("{\"b\": [1.50]}"), None, Some("oops")]));
    let array: ArrayRef = Arc::new(StructArray::from(vec![(Arc::new(json_field("j", true)), raw)]));
    assert_eq!(
        cells(&array, "json"),
        [
            Cell::Value(b"{\"j\":{\"b\": [1.50]}}".to_vec()),
            Cell::Value(b"{\"j\":null}".to_vec()),
            Cell::Fault("invalid_json")
        ]
    );
}

#[test]
fn what_json_cannot_hold_is_a_fault_with_its_place() {
    let mut lists = ListBuilder::new(arrow::array::Float64Builder::new());
    lists.append_value([Some(1.0), Some(f64::NAN)]);
    let array = object(vec![("a", Arc::new(lists.finish()))]);
    assert_eq!(codes(&array, "json"), ["json_not_finite"]);
    assert_eq!(messages(&array, "json"), ["at `.a[1]`: JSON has no number NaN"]);
    let far = object(vec![("t", Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX])))]);
    assert_eq!(codes(&far, "jsonb"), ["json_not_representable"]);
    let far = object(vec![("t", Arc::new(Time64NanosecondArray::from(vec![-1])))]);
    assert_eq!(codes(&far, "jsonb"), ["json_not_representable"]);
    let nul = object(vec![("t", texts(&["a\0"]))]);
    assert_eq!(codes(&nul, "jsonb"), ["nul_character"]);
    assert_eq!(super::values(&nul, "json"), [b"{\"t\":\"a\\u0000\"}"]);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for key in ["b", "a", "b"] {
        maps.keys().append_value(key);
        maps.values().append_value(1);
    }
    maps.append(true).unwrap();
    let maps: ArrayRef = Arc::new(maps.finish());
    assert_eq!(codes(&maps, "json"), ["repeated_key"]);
    assert_eq!(messages(&maps, "json"), ["the map has the key \"b\" more than once"]);
}

proptest! {
    #[test]
    fn json_is_what_a_parser_says(text in r#"[\[\]{}",:0-9eE+.\\ntrufalsd\- ]{0,12}"#) {
        let expected = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let array = texts(&[&text]);
        let (out, faults) = encode(field(&array), &array, &ty("json"));
        prop_assert_eq!(faults.is_empty(), expected, "{}", text);
        prop_assert_eq!(out.is_empty(), !expected);
    }

    #[test]
    fn documents_of_a_parser_are_json(depth in 0usize..70, text in ".*", number in any::<f64>()) {
        let mut value = json!([text, number, {"k": null}]);
        for at in 0..depth {
            value = if at % 3 == 0 { json!({ "k": value, "l": [] }) } else { json!([{}, value]) };
        }
        let document = value.to_string();
        let array = texts(&[&document]);
        prop_assert_eq!(cells(&array, "json"), [Cell::Value(document.into_bytes())]);
    }
}

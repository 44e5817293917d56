use arrow::array::*;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use etl_model::json_field;
use serde_json::json;

use super::*;

fn batch(columns: Vec<(Field, ArrayRef)>) -> Batch {
    let rows = columns[0].1.len() as u64;
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let records = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    Batch::new(records, UInt64Array::from_iter_values((0..rows).map(|row| row * 10))).unwrap()
}

fn column(name: &str, array: ArrayRef) -> (Field, ArrayRef) {
    (Field::new(name, array.data_type().clone(), true), array)
}

fn written(array: ArrayRef) -> Vec<String> {
    let text = encode(&[batch(vec![column("v", array)])]);
    let value = |line: &str| line.strip_prefix("{\"v\":").unwrap().strip_suffix('}').unwrap().to_owned();
    text.lines().map(value).collect()
}

#[test]
fn every_type_has_its_form() {
    assert_eq!(
        written(Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
        ["-9223372036854775808", "null"]
    );
    assert_eq!(written(Arc::new(UInt64Array::from(vec![u64::MAX]))), ["18446744073709551615"]);
    assert_eq!(written(Arc::new(Int8Array::from(vec![-1]))), ["-1"]);
    assert_eq!(written(Arc::new(BooleanArray::from(vec![true, false]))), ["true", "false"]);
    assert_eq!(written(Arc::new(NullArray::new(1))), ["null"]);
    assert_eq!(
        written(Arc::new(Float64Array::from(vec![1.0, -0.0, 0.1, 1e21, 5e-324]))),
        ["1.0", "-0.0", "0.1", "1e+21", "5e-324"]
    );
    assert_eq!(written(Arc::new(Float32Array::from(vec![0.1]))), ["0.1"]);
    let decimal =
        Decimal128Array::from(vec![-5, 12345678901234567890123456789]).with_precision_and_scale(38, 2);
    assert_eq!(written(Arc::new(decimal.unwrap())), ["-0.05", "123456789012345678901234567.89"]);
    let decimal = Decimal128Array::from(vec![12, -3]).with_precision_and_scale(5, -2).unwrap();
    assert_eq!(written(Arc::new(decimal)), ["1200", "-300"]);
    assert_eq!(written(Arc::new(Date32Array::from(vec![0, -1]))), ["\"1970-01-01\"", "\"1969-12-31\""]);
    let utc = TimestampMillisecondArray::from(vec![1_700_000_000_123]).with_timezone("UTC");
    assert_eq!(written(Arc::new(utc)), ["\"2023-11-14T22:13:20.123Z\""]);
    let offset = TimestampSecondArray::from(vec![0]).with_timezone("+02:00");
    assert_eq!(written(Arc::new(offset)), ["\"1970-01-01T00:00:00Z\""]);
    assert_eq!(written(Arc::new(TimestampSecondArray::from(vec![0]))), ["\"1970-01-01T00:00:00\""]);
    let before = TimestampNanosecondArray::from(vec![-1]).with_timezone("Europe/Berlin");
    assert_eq!(written(Arc::new(before)), ["\"1969-12-31T23:59:59.999999999Z\""]);
    assert_eq!(written(Arc::new(Time64MicrosecondArray::from(vec![3_600_000_001]))), ["\"01:00:00.000001\""]);
    assert_eq!(written(Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..]]))), ["\"AP8=\""]);
    assert_eq!(written(Arc::new(StringViewArray::from(vec!["a\"b"]))), ["\"a\\\"b\""]);
    let dictionary: DictionaryArray<Int32Type> =
        vec![Some("x"), None, Some("y"), Some("x")].into_iter().collect();
    assert_eq!(written(Arc::new(dictionary)), ["\"x\"", "null", "\"y\"", "\"x\""]);
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    assert_eq!(written(Arc::new(list.slice(0, 3))), ["[1,null]", "null", "[]"]);
    assert_eq!(written(Arc::new(list.slice(2, 1))), ["[]"]);
    let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
        vec![Some(vec![Some(1), Some(2)]), None],
        2,
    );
    assert_eq!(written(Arc::new(fixed)), ["[1,2]", "null"]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k\n");
    map.values().append_value(1);
    map.append(true).unwrap();
    assert_eq!(written(Arc::new(map.finish())), ["{\"k\\n\":1}"]);
}

#[test]
fn strings_are_escaped_as_serde_json_does() {
    let mut texts: Vec<String> = (0..40).map(|n| format!("{}\"{}", "x".repeat(n), "y".repeat(n))).collect();
    texts.push((0..0x30).filter_map(char::from_u32).collect());
    texts.push("\\\u{7f}\u{e9}\u{1f600}\u{2028}".to_owned());
    let expected: Vec<String> = texts.iter().map(|text| serde_json::to_string(text).unwrap()).collect();
    assert_eq!(written(Arc::new(StringArray::from(texts))), expected);
}

#[test]
fn what_json_cannot_hold_is_an_error_without_a_trace() {
    let floats = column("f", Arc::new(Float64Array::from(vec![1.0, f64::NAN, f64::INFINITY, 2.0])));
    let json = StringArray::from(vec!["{\"a\": [1,\n2]}", "1", "2", "{oops"]);
    let batch = batch(vec![floats, (json_field("j", true), Arc::new(json))]);
    let mut out = b"before".to_vec();
    let errors = LinesEncoder::default().encode(&batch, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "before{\"f\":1.0,\"j\":{\"a\": [1,2]}}\n");
    let seen: Vec<_> =
        errors.iter().map(|e| (e.ordinal, e.code.as_str(), e.field.as_deref().unwrap())).collect();
    assert_eq!(seen, [(10, "json_not_finite", "f"), (20, "json_not_finite", "f"), (30, "json_invalid", "j")]);
    assert_eq!(errors[0].record, json!({"f": "NaN", "j": 1}));
    assert_eq!(errors[1].record, json!({"f": "inf", "j": 2}));
    assert_eq!(errors[2].record, json!({"f": 2.0, "j": "{oops"}));
}

#[test]
fn a_timestamp_without_a_form_is_an_error_of_its_row() {
    let far = TimestampSecondArray::from(vec![253_402_300_799, 253_402_300_800, i64::MIN]);
    let batch = batch(vec![column("t", Arc::new(far))]);
    let mut out = Vec::new();
    let errors = LinesEncoder::default().encode(&batch, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "{\"t\":\"9999-12-31T23:59:59\"}\n");
    assert_eq!(errors.iter().map(|e| e.ordinal).collect::<Vec<_>>(), [10, 20]);
    assert_eq!(errors[0].record, json!({"t": 253_402_300_800i64}));
}

#[test]
fn nulls_are_explicit_unless_omitted() {
    let inner = StructArray::from(vec![(
        Arc::new(Field::new("x", DataType::Int64, true)),
        Arc::new(Int64Array::from(vec![None, Some(1)])) as ArrayRef,
    )]);
    let batch = batch(vec![
        column("a", Arc::new(Int64Array::from(vec![None, Some(1)]))),
        column("b", Arc::new(inner)),
    ]);
    let mut out = Vec::new();
    LinesEncoder::new(Nulls::Explicit).encode(&batch, &mut out).unwrap();
    LinesEncoder::new(Nulls::Omit).encode(&batch, &mut out).unwrap();
    let expected =
        "{\"a\":null,\"b\":{\"x\":null}}\n{\"a\":1,\"b\":{\"x\":1}}\n{\"b\":{}}\n{\"a\":1,\"b\":{\"x\":1}}\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn array_files_read_back() {
    let batch = batch(vec![column("a", Arc::new(Int64Array::from(vec![1, 2])))]);
    let mut body = Vec::new();
    ArrayEncoder::default().encode(&batch, &mut body).unwrap();
    ArrayEncoder::default().encode(&batch, &mut body).unwrap();
    let file = [ARRAY_OPEN, &body[1..], ARRAY_CLOSE].concat();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&file).unwrap(),
        json!([{"a":1},{"a":2},{"a":1},{"a":2}])
    );
    assert!(cut(&mut ArraySplitter::new(), &[ARRAY_OPEN, ARRAY_CLOSE].concat(), 1).is_ok());
}

#[test]
fn columns_without_a_form_are_refused() {
    let union = UnionArray::try_new(
        [(0, Arc::new(Field::new("i", DataType::Int32, true)))].into_iter().collect(),
        vec![0i8].into(),
        None,
        vec![Arc::new(Int32Array::from(vec![1]))],
    );
    let batch = batch(vec![column("u", Arc::new(union.unwrap()))]);
    let result = LinesEncoder::default().encode(&batch, &mut Vec::new());
    assert!(matches!(result, Err(FormatError::Unsupported { format: "json", .. })));
    assert!(row_to_value(batch.records(), 0).is_object());
}

#[test]
fn twin_names_are_refused() {
    let one = || column("a", Arc::new(Int64Array::from(vec![1])));
    let result = LinesEncoder::default().encode(&batch(vec![one(), one()]), &mut Vec::new());
    assert!(matches!(result, Err(FormatError::Invalid { .. })));
}

#[test]
fn rows_as_values_lose_no_digits() {
    let decimal =
        Decimal128Array::from(vec![12345678901234567890123]).with_precision_and_scale(38, 3).unwrap();
    let batch = batch(vec![
        column("d", Arc::new(decimal)),
        column("u", Arc::new(UInt64Array::from(vec![u64::MAX]))),
        (json_field("j", true), Arc::new(StringArray::from(vec!["123456789012345678901234567890"]))),
    ]);
    assert_eq!(
        row_to_value(batch.records(), 0),
        json!({"d": "12345678901234567890.123", "u": u64::MAX, "j": "123456789012345678901234567890"})
    );
    assert_eq!(row_to_value(batch.records(), 1), serde_json::Value::Null);
}

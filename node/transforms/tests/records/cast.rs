use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, DictionaryArray, Float64Array, RecordBatch, TimestampNanosecondArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Int32Type, TimeUnit};
use etl_model::{Batch, json_field};
use etl_sdk::Processed;
use etl_transforms::Cast;
use serde_json::{Value, json};

use crate::batches::{batch, describes_itself, errors, faults, field, process, record, rows};

/// What each value becomes, or the code of its error.
fn cast_as(to: Value, data_type: DataType, values: &[Value]) -> Vec<Value> {
    let data: Vec<_> = values.iter().map(|value| json!({"v": value})).collect();
    outcomes(
        process(Cast, json!({"fields": {"v": to}}), batch(vec![field("v", data_type)], &data)),
        values.len(),
    )
}

fn outcomes(processed: Processed, of: usize) -> Vec<Value> {
    let mut found = vec![Value::Null; of];
    for (row, ordinal) in rows(&processed).iter().zip(processed.batch.ordinals().values()) {
        found[(ordinal / 10 - 1) as usize] = row["v"].clone();
    }
    for (ordinal, code) in errors(&processed) {
        found[(ordinal / 10 - 1) as usize] = json!({ "error": code });
    }
    found
}

fn array_as(to: Value, array: ArrayRef) -> Vec<Value> {
    let length = array.len();
    let records = RecordBatch::try_from_iter_with_nullable([("v", array, true)]).unwrap();
    let ordinals = UInt64Array::from_iter_values((1..=length as u64).map(|row| row * 10));
    let given = Batch::new(records, ordinals).unwrap();
    outcomes(process(Cast, json!({"fields": {"v": to}}), given), length)
}

fn documents_as(to: Value, documents: &[&str]) -> Vec<Value> {
    let data: Vec<_> = documents.iter().map(|document| json!({"v": document})).collect();
    let processed = process(Cast, json!({"fields": {"v": to}}), batch(vec![json_field("v", true)], &data));
    outcomes(processed, documents.len())
}

fn error(code: &str) -> Value {
    json!({ "error": code })
}

#[test]
fn texts_become_numbers_or_errors() {
    let texts = [
        json!("12"),
        json!("-9223372036854775808"),
        json!("9223372036854775808"),
        json!("1.0"),
        json!(" 1"),
        json!(null),
    ];
    let bad = error("invalid_conversion");
    assert_eq!(
        cast_as(json!("int"), DataType::Utf8, &texts),
        [json!(12), json!(i64::MIN), bad.clone(), bad.clone(), bad.clone(), json!(null)]
    );
    assert_eq!(
        cast_as(json!("uint"), DataType::Utf8, &[json!("18446744073709551615"), json!("+1"), json!("-1")]),
        [json!(u64::MAX), bad.clone(), bad.clone()]
    );
    assert_eq!(
        cast_as(json!("float"), DataType::Utf8, &[json!("1.5"), json!("1e999"), json!("inf"), json!("x")]),
        [json!(1.5), error("overflow"), json!("inf"), bad.clone()]
    );
    assert_eq!(
        cast_as(
            json!("decimal(5,2)"),
            DataType::Utf8,
            &[json!("123.4"), json!("1.005"), json!("1000"), json!("1e2"), json!("-0.010"), json!("")]
        ),
        [json!("123.40"), error("inexact"), error("overflow"), json!("100.00"), json!("-0.01"), bad.clone()]
    );
    assert_eq!(
        cast_as(json!("bool"), DataType::Utf8, &[json!("T"), json!("0"), json!("yes")]),
        [json!(true), json!(false), bad]
    );
}

#[test]
fn numbers_never_wrap_around_or_lose_their_fraction() {
    let (inexact, overflow) = (error("inexact"), error("overflow"));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![
        Some(5.0),
        Some(1.5),
        Some(9.3e18),
        Some(f64::NAN),
        None,
        Some(-0.0),
        Some(0.1),
    ]));
    assert_eq!(
        array_as(json!("int"), floats.clone()),
        [
            json!(5),
            inexact.clone(),
            overflow.clone(),
            error("invalid_conversion"),
            json!(null),
            json!(0),
            inexact.clone()
        ]
    );
    assert_eq!(array_as(json!("decimal(3,1)"), floats)[6], json!("0.1"), "by its shortest text");
    assert_eq!(cast_as(json!("uint"), DataType::Int64, &[json!(7), json!(-1)]), [json!(7), overflow.clone()]);
    assert_eq!(cast_as(json!("int"), DataType::UInt64, &[json!(u64::MAX)]), [error("overflow")]);
    assert_eq!(
        cast_as(json!("bool"), DataType::Int64, &[json!(0), json!(1), json!(2)]),
        [json!(false), json!(true), error("invalid_conversion")]
    );
    let decimals = || -> ArrayRef {
        Arc::new(
            Decimal128Array::from(vec![Some(500), Some(512), None]).with_precision_and_scale(5, 2).unwrap(),
        )
    };
    assert_eq!(array_as(json!("int"), decimals()), [json!(5), inexact.clone(), json!(null)]);
    assert_eq!(array_as(json!("string"), decimals()), [json!("5.00"), json!("5.12"), json!(null)]);
    assert_eq!(array_as(json!("float"), decimals()), [json!(5.0), json!(5.12), json!(null)]);
    assert_eq!(array_as(json!("decimal(2,1)"), decimals()), [json!("5.0"), inexact, json!(null)]);
    assert_eq!(array_as(json!("decimal(38,38)"), decimals())[0], overflow);
}

#[test]
fn times_are_exact() {
    let texts = [
        json!("2026-01-31T12:00:00.5+01:00"),
        json!("2026-01-31T12:00:00.0000001Z"),
        json!("0000-01-01T00:00:00Z"),
        json!("2026-01-31"),
    ];
    assert_eq!(
        cast_as(json!("timestamp"), DataType::Utf8, &texts),
        [
            json!("2026-01-31T11:00:00.5Z"),
            error("time_precision"),
            error("overflow"),
            error("invalid_timestamp")
        ]
    );
    let german = json!({"type": "timestamp", "format": "%d.%m.%Y", "timezone": "Europe/Berlin"});
    assert_eq!(
        cast_as(german, DataType::Utf8, &[json!("31.01.2026"), json!("31.02.2026")]),
        [json!("2026-01-30T23:00:00Z"), error("invalid_timestamp")]
    );
    let offset = json!({"type": "timestamp", "format": "%Y%m%dT%H%M%S%z"});
    assert_eq!(
        cast_as(offset, DataType::Utf8, &[json!("20260131T120000+0100")]),
        [json!("2026-01-31T11:00:00Z")]
    );
    assert_eq!(
        cast_as(
            json!({"type": "timestamp", "format": "unix_ms"}),
            DataType::Int64,
            &[json!(1500), json!(i64::MAX)]
        ),
        [json!("1970-01-01T00:00:01.5Z"), error("overflow")]
    );
    assert_eq!(cast_as(json!("timestamp"), DataType::Int32, &[json!(60)]), [json!("1970-01-01T00:01:00Z")]);
    let nanos =
        || -> ArrayRef { Arc::new(TimestampNanosecondArray::from(vec![1_000_000_000, 1_500_000_000, 1])) };
    assert_eq!(array_as(json!("int"), nanos()), [json!(1), error("inexact"), error("inexact")]);
    assert_eq!(array_as(json!("timestamp"), nanos())[2], error("time_precision"));
    assert_eq!(
        array_as(json!("date"), nanos())[0],
        rows(&process(
            Cast,
            json!({"fields": {"v": "date"}}),
            batch(vec![field("v", DataType::Utf8)], &[json!({"v": "1970-01-01"})])
        ))[0]["v"]
    );
    let berlin = json!({"type": "date", "timezone": "Europe/Berlin"});
    let evening =
        cast_as(berlin, DataType::Timestamp(TimeUnit::Second, None), &[json!("2026-01-31T23:30:00")]);
    assert_eq!(evening, cast_as(json!("date"), DataType::Utf8, &[json!("2026-02-01")]));
    assert_eq!(cast_as(json!("string"), DataType::Date32, &[json!("2026-02-01")]), [json!("2026-02-01")]);
}

#[test]
fn json_keeps_its_digits() {
    let documents = ["1.10", "\"12\"", "true", "null", "[1]", "12345678901234567890123.5", "{", "1e2"];
    let bad = error("invalid_conversion");
    assert_eq!(
        documents_as(json!("decimal(30,2)"), &documents),
        [
            json!("1.10"),
            json!("12.00"),
            bad.clone(),
            json!(null),
            bad.clone(),
            json!("12345678901234567890123.50"),
            bad.clone(),
            json!("100.00")
        ]
    );
    assert_eq!(
        documents_as(json!("string"), &documents[..5]),
        [json!("1.10"), json!("12"), json!("true"), json!(null), json!("[1]")]
    );
    assert_eq!(documents_as(json!("int"), &["1e2", "1.0", "1.5"]), [json!(100), json!(1), error("inexact")]);
    let lists = cast_as(
        json!("json"),
        record("v", vec![field("a", DataType::Int64)]).data_type().clone(),
        &[json!({"a": 1}), json!(null)],
    );
    assert_eq!(lists, [json!({"a": 1}), json!(null)]);
    assert_eq!(
        cast_as(json!("json"), DataType::Utf8, &[json!(" [1] "), json!("x")]),
        [json!([1]), error("invalid_json")]
    );
}

#[test]
fn failures_become_what_is_said() {
    let to = |on_failure: Value| json!({"type": "int", "on_failure": on_failure});
    let texts = [json!("1"), json!("x"), json!(null)];
    assert_eq!(cast_as(to(json!(null)), DataType::Utf8, &texts), [json!(1), json!(null), json!(null)]);
    assert_eq!(cast_as(to(json!("null")), DataType::Utf8, &texts), [json!(1), json!(null), json!(null)]);
    assert_eq!(
        cast_as(to(json!({"default": -1})), DataType::Utf8, &texts),
        [json!(1), json!(-1), json!(null)]
    );
    assert_eq!(cast_as(to(json!("error")), DataType::Utf8, &texts)[1], error("invalid_conversion"));
}

#[test]
fn fields_inside_records_and_dictionaries_are_found() {
    let given = batch(
        vec![record("u", vec![field("n", DataType::Utf8), field("m", DataType::Utf8)])],
        &[json!({"u": {"n": "7", "m": "8"}}), json!({"u": null}), json!({"u": {"n": "x"}})],
    );
    let processed = process(Cast, json!({"fields": {"u.n": "int"}}), given.clone());
    assert_eq!(rows(&processed), [json!({"u": {"n": 7, "m": "8"}}), json!({"u": null})]);
    assert_eq!(processed.errors[0].field.as_deref(), Some("u.n"));
    assert_eq!(processed.errors[0].record, json!({"u": {"n": "x", "m": null}}));
    let missing = process(Cast, json!({"fields": {"u.x": "int"}}), given.clone());
    assert_eq!(errors(&missing), [10, 20, 30].map(|ordinal| (ordinal, "missing_field")));
    let optional = json!({"fields": {"u.x": {"type": "int", "optional": true}}});
    assert_eq!(process(Cast, optional, given.clone()).batch, given);
    let words: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("1"), None, Some("z")]));
    assert_eq!(array_as(json!("int"), words.clone()), [json!(1), json!(null), error("invalid_conversion")]);
    assert_eq!(array_as(json!("string"), words), [json!("1"), json!(null), json!("z")]);
}

#[test]
fn contradictions_are_all_reported_with_their_places() {
    let found = faults(
        Cast,
        json!({"fields": {
            "a": "integer", "a.b": "int", "b": "decimal(39,2)", "c": {"type": "int", "format": "%Y"},
            "d": {"type": "date", "format": "abc"}, "e": {"type": "date", "timezone": "Mars"},
            "f": {"type": "int", "on_failure": {"default": "x"}}, "g..": "int",
            "h": {"type": "int", "on_failure": {"default": null}}, "i": "decimal(2,3)"
        }}),
    );
    for expected in [
        "unknown_type fields.a: `integer` is not a type",
        "duplicate_field fields.a.b: ",
        "unknown_type fields.b: ",
        "useless_option fields.c.format: ",
        "invalid_format fields.d.format: ",
        "invalid_timezone fields.e.timezone: ",
        "invalid_conversion fields.f.on_failure.default: ",
        "invalid_path fields.g..: ",
        "null_default fields.h.on_failure.default: ",
        "unknown_type fields.i: ",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected} in {found:#?}");
    }
    assert!(faults(Cast, json!({"fields": {}}))[0].starts_with("no_fields fields: "));
    describes_itself(Cast);
}

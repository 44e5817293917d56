//! The `validate` transformation: rules, expressions and schemas, and what is reported of records that break them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMillisecondArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema};
use etl_model::{Batch, json_field};
use etl_sdk::{FieldError, Processed, Processor, ProcessorConnector};
use etl_transforms::Validate;
use proptest::prelude::*;
use serde_json::{Value, json};

fn batch(columns: Vec<(Field, ArrayRef)>) -> Batch {
    let rows = columns[0].1.len() as u64;
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let records = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    Batch::new(records, UInt64Array::from_iter_values(1..=rows)).unwrap()
}

fn column(name: &str, array: impl Array + 'static) -> (Field, ArrayRef) {
    (Field::new(name, array.data_type().clone(), true), Arc::new(array))
}

fn configured(config: Value) -> Arc<dyn Processor> {
    Validate.configure(&config).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn rules(rules: Value) -> Arc<dyn Processor> {
    configured(json!({ "rules": rules }))
}

fn errors(processed: &Processed) -> Vec<(u64, &str, Option<&str>)> {
    let errors = processed.errors.iter();
    errors.map(|error| (error.ordinal, error.code.as_str(), error.field.as_deref())).collect()
}

fn ordinals(processed: &Processed) -> Vec<u64> {
    processed.batch.ordinals().values().to_vec()
}

fn faults(config: &Value) -> Vec<String> {
    let errors: Vec<FieldError> = Validate.configure(config).err().expect("the config is at fault");
    errors.iter().map(|error| format!("{} {error}", error.code)).collect()
}

fn orders() -> Batch {
    let address = Fields::from(vec![Field::new("zip", DataType::Utf8, true)]);
    let zip: ArrayRef = Arc::new(StringArray::from(vec![Some("50667"), Some("1"), Some("hidden"), None]));
    let address = StructArray::new(address, vec![zip], Some(NullBuffer::from(vec![true, true, false, true])));
    let price = Decimal128Array::from(vec![Some(1050), Some(-1), None, Some(99)]);
    batch(vec![
        column("id", Int64Array::from(vec![Some(1), Some(2), Some(3), None])),
        column("email", StringArray::from(vec![Some("a@b.c"), Some("nonsense"), None, Some("ü@x.y")])),
        column("address", address),
        column("price", price.with_precision_and_scale(9, 2).unwrap()),
        column("paid", BooleanArray::from(vec![true, true, false, true])),
        (
            json_field("doc", true),
            Arc::new(StringArray::from(vec![Some("5"), Some("\"five\""), Some("null"), Some("[1,2,3]")])),
        ),
    ])
}

#[test]
fn sound_records_pass_unchanged_and_the_others_name_rule_and_value() {
    let step = rules(json!([
        {"field": "id", "required": true, "type": "int"},
        {"field": "email", "pattern": "^[^@]+@[^@]+$", "message": "no usable address"},
        {"field": "price", "min": 0},
    ]));
    let processed = step.process(orders()).unwrap();
    assert_eq!(ordinals(&processed), [1, 3]);
    assert_eq!(processed.batch.schema(), orders().schema());
    assert_eq!(errors(&processed), [(2, "rule_pattern", Some("email")), (4, "rule_required", Some("id"))]);
    assert_eq!(
        processed.errors[0].message,
        "no usable address: `email` is `nonsense`, which `^[^@]+@[^@]+$` does not match"
    );
    assert_eq!(processed.errors[0].record["price"], json!("-0.01"), "the record is reported whole");
    let long = batch(vec![column("t", StringArray::from(vec!["x".repeat(10_000)]))]);
    let processed = rules(json!([{"field": "t", "max_length": 5}])).process(long).unwrap();
    assert!(processed.errors[0].message.len() < 200, "messages are bounded");
    assert!(processed.filtered.is_empty());
}

#[test]
fn every_check_holds_for_what_it_says() {
    for (rule, broken) in [
        (json!({"field": "id", "not_null": true}), vec![4]),
        (json!({"field": "id", "min": 2}), vec![1]),
        (json!({"field": "id", "max": 1.5}), vec![2, 3]),
        (json!({"field": "id", "one_of": [1, 3.0]}), vec![2]),
        (json!({"field": "id", "type": "string"}), vec![1, 2, 3]),
        (json!({"field": "id", "pattern": "1"}), vec![1, 2, 3]),
        (json!({"field": "email", "min": 1}), vec![1, 2, 4]),
        (json!({"field": "email", "min_length": 6}), vec![1, 4]),
        (json!({"field": "email", "max_length": 5}), vec![2]),
        (json!({"field": "email", "one_of": ["a@b.c", true]}), vec![2, 4]),
        (json!({"field": "paid", "one_of": [true]}), vec![3]),
        (json!({"field": "price", "type": "number", "min": -0.01, "max": 10.5}), vec![]),
        (json!({"field": "price", "max": 10}), vec![1]),
        (json!({"field": "price", "type": "int"}), vec![1, 2, 4]),
        (json!({"field": "address.zip", "not_null": true}), vec![3, 4]),
        (json!({"field": "address.zip", "min_length": 2}), vec![2]),
        (json!({"field": "address", "type": "record", "required": true}), vec![3]),
        (json!({"field": "doc", "type": "int"}), vec![2, 4]),
        (json!({"field": "doc", "min": 5}), vec![2, 4]),
        (json!({"field": "doc", "max_length": 3}), vec![1, 2]),
        (json!({"field": "doc", "type": "list"}), vec![1, 2]),
        (json!({"field": "ghost", "not_null": true, "min": 1}), vec![]),
        (json!({"field": "address.ghost", "required": true}), vec![1, 2, 3, 4]),
        (json!({"expression": "id == null || id < 3"}), vec![3]),
        (json!({"expression": "int(doc) > 0"}), vec![2, 3, 4]),
        (json!({"expression": "email + 1 == ''"}), vec![1, 2, 3, 4]),
        (json!({"expression": "id"}), vec![1, 2, 3, 4]),
    ] {
        let processed = rules(json!([rule])).process(orders()).unwrap();
        let found: Vec<u64> = processed.errors.iter().map(|error| error.ordinal).collect();
        assert_eq!(found, broken, "{rule}");
        assert_eq!(processed.batch.len() + processed.errors.len(), 4);
    }
}

#[test]
fn dates_and_times_have_limits() {
    let times = batch(vec![
        column("day", Date32Array::from(vec![Some(0), Some(1), None])),
        column("at", TimestampMillisecondArray::from(vec![Some(-1), Some(0), Some(1)])),
    ]);
    for (rule, broken) in [
        (json!({"field": "day", "min": "1970-01-02"}), vec![1]),
        (json!({"field": "day", "type": "date", "max": "1970-01-01T12:00:00Z"}), vec![2]),
        (json!({"field": "day", "one_of": ["1970-01-02"]}), vec![1]),
        (
            json!({"field": "at", "type": "timestamp", "min": "1970-01-01", "max": "1970-01-01T01:00:00+01:00"}),
            vec![1, 3],
        ),
        (json!({"field": "at", "min": 0}), vec![1, 2, 3]),
    ] {
        let processed = rules(json!([rule])).process(times.clone()).unwrap();
        assert_eq!(processed.errors.iter().map(|error| error.ordinal).collect::<Vec<_>>(), broken, "{rule}");
    }
}

#[test]
fn expressions_report_what_is_not_true_and_what_fails() {
    let step = rules(json!([{"expression": "10 / (id - 1) > 6", "message": "too small"}]));
    let processed = step.process(orders()).unwrap();
    assert_eq!(
        errors(&processed),
        [(1, "division_by_zero", None), (3, "rule_expression", None), (4, "no_such_overload", None)]
    );
    assert_eq!(processed.errors[1].message, "too small: `10 / (id - 1) > 6` is not true");
}

#[test]
fn a_json_schema_sees_the_whole_record() {
    let step = configured(json!({"schema": {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "integer", "minimum": 2},
            "email": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/address"}]},
            "address": {"properties": {"zip": {"type": ["string", "null"], "minLength": 2}}},
        },
        "$defs": {"address": {"type": "string", "pattern": "@"}},
    }}));
    let processed = step.process(orders()).unwrap();
    assert_eq!(ordinals(&processed), [3]);
    let found: Vec<(u64, &str)> =
        processed.errors.iter().map(|error| (error.ordinal, error.code.as_str())).collect();
    assert_eq!(found, [(1, "schema_violation"), (2, "schema_violation"), (4, "schema_violation")]);
    assert_eq!(processed.errors[0].field.as_deref(), Some("id"));
    assert!(processed.errors[0].message.contains("minimum"), "{}", processed.errors[0].message);
}

#[test]
fn faults_of_the_config_are_all_reported() {
    let found = faults(&json!({"rules": [
        {"field": "a"},
        {"field": "a..b", "required": true},
        {"field": "a", "expression": "true", "required": true},
        {"expression": "1 +"},
        {"expression": "true", "min": 1},
        {"field": "a", "min": 2, "max": 1},
        {"field": "a", "min": true},
        {"field": "a", "min": 1, "max": "2024-01-01"},
        {"field": "a", "min_length": 2, "max_length": 1},
        {"field": "a", "pattern": "("},
        {"field": "a", "one_of": ["x", null]},
    ]}));
    for expected in [
        "empty_rule rules[0]: ",
        "invalid_path rules[1].field: ",
        "field_or_expression rules[2]: ",
        "syntax rules[3].expression: ",
        "check_without_field rules[4]: ",
        "empty_range rules[5].max: no value is from 2 to 1",
        "invalid_limit rules[6].min: ",
        "empty_range rules[7].max: ",
        "empty_range rules[8].max_length: ",
        "invalid_pattern rules[9].pattern: ",
        "invalid_value rules[10].one_of[1]: ",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected} in {found:#?}");
    }
    assert!(faults(&json!({}))[0].starts_with("rules_or_schema "));
    assert!(
        faults(&json!({"schema": {}, "rules": [{"field": "a", "required": true}]}))[0]
            .starts_with("rules_or_schema ")
    );
    assert!(faults(&json!({"schema": {"type": "nonsense"}}))[0].starts_with("invalid_schema schema: "));
    for place in ["http://example.com/x.json", "file:///etc/passwd", "other.json"] {
        let remote = faults(&json!({"schema": {"$ref": place}}));
        assert!(remote[0].starts_with("invalid_schema schema: "), "{remote:?}");
    }
}

#[test]
fn the_descriptor_is_complete() {
    let descriptor = Validate.descriptor();
    let schema = serde_json::to_value(&descriptor.schema).unwrap();
    for field in ["rules", "schema"] {
        assert!(schema["properties"][field]["description"].is_string(), "{field} is documented");
    }
    let rule = &schema["$defs"]["RuleConfig"]["properties"];
    for field in
        ["field", "expression", "message", "required", "not_null", "type", "min", "pattern", "one_of"]
    {
        assert!(rule[field]["description"].is_string(), "{field} is documented");
    }
    assert!(descriptor.example.starts_with("type: validate\n"));
}

/// A record as plain values.
type Row = (Option<i64>, Option<f64>, Option<String>, Option<Vec<i64>>);

/// The config of a rule with a number, its code, and whether it holds.
type Written = (fn(i64) -> Value, &'static str, fn(&Row, i64) -> bool);

/// A rule with what it means for one record, in plain code.
#[derive(Debug, Clone)]
struct Expected {
    config: Value,
    code: &'static str,
    holds: fn(&Row, i64) -> bool,
    limit: i64,
}

fn expected() -> impl Strategy<Value = Expected> {
    let rules: Vec<Written> = vec![
        (|_| json!({"field": "i", "required": true}), "rule_required", |row, _| row.0.is_some()),
        (|_| json!({"field": "s", "not_null": true}), "rule_not_null", |row, _| row.2.is_some()),
        (|n| json!({"field": "i", "min": n}), "rule_min", |row, n| row.0.is_none_or(|i| i >= n)),
        (|n| json!({"field": "i", "max": n}), "rule_max", |row, n| row.0.is_none_or(|i| i <= n)),
        (|n| json!({"field": "d", "min": n}), "rule_min", |row, n| row.1.is_none_or(|d| d >= n as f64)),
        (
            |n| json!({"field": "d", "max": n as f64 + 0.5}),
            "rule_max",
            |row, n| row.1.is_none_or(|d| d <= n as f64 + 0.5),
        ),
        (
            |n| json!({"field": "s", "min_length": n.unsigned_abs()}),
            "rule_min_length",
            |row, n| row.2.as_ref().is_none_or(|s| s.chars().count() as i64 >= n.abs()),
        ),
        (
            |n| json!({"field": "s", "max_length": n.unsigned_abs()}),
            "rule_max_length",
            |row, n| row.2.as_ref().is_none_or(|s| s.chars().count() as i64 <= n.abs()),
        ),
        (
            |n| json!({"field": "l", "max_length": n.unsigned_abs()}),
            "rule_max_length",
            |row, n| row.3.as_ref().is_none_or(|l| l.len() as i64 <= n.abs()),
        ),
        (
            |_| json!({"field": "s", "pattern": "^[a-z]*$"}),
            "rule_pattern",
            |row, _| row.2.as_ref().is_none_or(|s| s.bytes().all(|byte| byte.is_ascii_lowercase())),
        ),
        (
            |n| json!({"field": "i", "one_of": [n, n + 1, "x"]}),
            "rule_one_of",
            |row, n| row.0.is_none_or(|i| i == n || i == n + 1),
        ),
        (
            |_| json!({"field": "s", "one_of": ["a", "é"]}),
            "rule_one_of",
            |row, _| row.2.as_deref().is_none_or(|s| ["a", "é"].contains(&s)),
        ),
        (|_| json!({"field": "d", "type": "number"}), "rule_type", |_, _| true),
        (|_| json!({"field": "d", "type": "int"}), "rule_type", |row, _| row.1.is_none()),
        (
            |n| json!({"expression": format!("i == null || i != {n}")}),
            "rule_expression",
            |row, n| row.0 != Some(n),
        ),
        (
            |_| json!({"expression": "l == null || l.all(x, x > 0)"}),
            "rule_expression",
            |row, _| row.3.as_ref().is_none_or(|l| l.iter().all(|x| *x > 0)),
        ),
    ];
    (prop::sample::select(rules), -3i64..4).prop_map(|((config, code, holds), limit)| Expected {
        config: config(limit),
        code,
        holds,
        limit,
    })
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let text =
        prop::option::of(prop::sample::select(vec!["", "a", "é", "B1", "long"]).prop_map(str::to_owned));
    let row = (
        prop::option::weighted(0.8, -4i64..5),
        prop::option::weighted(0.8, prop::sample::select(vec![-2.5, 0.0, 0.5, 3.0, f64::INFINITY])),
        text,
        prop::option::of(prop::collection::vec(-1i64..4, 0..4)),
    );
    prop::collection::vec(row, 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn rules_and_plain_code_agree(
        rows in rows(),
        chosen in prop::collection::vec(expected(), 1..4),
        narrow in any::<bool>(),
        text in prop::sample::select(vec![DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View]),
    ) {
        let whole: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
        let whole = if narrow { cast(&whole, &DataType::Int16).unwrap() } else { whole };
        let texts: ArrayRef = Arc::new(rows.iter().map(|row| row.2.clone()).collect::<StringArray>());
        let texts = cast(&texts, &text).unwrap();
        let lists = rows.iter().map(|row| row.3.as_ref().map(|list| list.iter().copied().map(Some).collect::<Vec<_>>()));
        let given = batch(vec![
            (Field::new("i", whole.data_type().clone(), true), whole),
            column("d", rows.iter().map(|row| row.1).collect::<Float64Array>()),
            (Field::new("s", text, true), texts),
            column("l", ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ]);
        let configs: Vec<Value> = chosen.iter().map(|rule| rule.config.clone()).collect();
        let processed = rules(Value::Array(configs)).process(given.clone()).unwrap();
        let (mut sound, mut broken) = (Vec::new(), Vec::new());
        for (at, row) in rows.iter().enumerate() {
            let ordinal = at as u64 + 1;
            match chosen.iter().find(|rule| !(rule.holds)(row, rule.limit)) {
                None => sound.push(ordinal),
                Some(rule) => broken.push((ordinal, rule.code)),
            }
        }
        prop_assert_eq!(ordinals(&processed), sound.clone());
        let found: Vec<(u64, &str)> =
            processed.errors.iter().map(|error| (error.ordinal, error.code.as_str())).collect();
        prop_assert_eq!(found, broken);
        let kept: arrow::array::BooleanArray =
            (1..=rows.len() as u64).map(|ordinal| Some(sound.contains(&ordinal))).collect();
        prop_assert_eq!(&processed.batch, &given.filter(&kept).unwrap(), "sound records are unchanged");
    }
}

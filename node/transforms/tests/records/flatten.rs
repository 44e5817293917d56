use arrow::datatypes::DataType;
use etl_model::{Batch, json_field};
use etl_transforms::Flatten;
use serde_json::{Value, json};

use crate::batches::{batch, describes_itself, faults, field, list, process, record, rows};

fn users() -> Batch {
    let name =
        record("name", vec![field("first", DataType::Utf8).with_nullable(false), record("none", vec![])]);
    let fields = vec![
        field("id", DataType::Int64),
        record("user", vec![name, field("age", DataType::Int64)]),
        list("tags", record("", vec![field("t", DataType::Utf8)])),
        json_field("doc", true),
    ];
    batch(
        fields,
        &[
            json!({"id": 1, "user": {"name": {"first": "Ann", "none": {}}, "age": 7}, "tags": [{"t": "x"}], "doc": "{\"a\": 1}"}),
            json!({"id": 2, "user": null, "tags": null, "doc": null}),
            json!({"id": 3, "user": {"name": null, "age": 9}, "tags": [], "doc": "[]"}),
        ],
    )
}

fn flattened(config: Value) -> Vec<Value> {
    let processed = process(Flatten, config, users());
    assert_eq!((processed.filtered.len(), processed.errors.len()), (0, 0));
    rows(&processed)
}

#[test]
fn fields_of_records_come_to_the_top() {
    assert_eq!(
        flattened(json!({})),
        [
            json!({"id": 1, "user_name_first": "Ann", "user_age": 7, "tags": [{"t": "x"}], "doc": {"a": 1}}),
            json!({"id": 2, "user_name_first": null, "user_age": null, "tags": null, "doc": null}),
            json!({"id": 3, "user_name_first": null, "user_age": 9, "tags": [], "doc": []}),
        ]
    );
    let names = |config| flattened(config)[0].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(json!({"separator": "."}))[1..3], ["user.name.first", "user.age"]);
    assert_eq!(names(json!({"max_depth": 1})), ["id", "user_name", "user_age", "tags", "doc"]);
    assert_eq!(names(json!({"fields": ["id", "ghost"]})), ["id", "user", "tags", "doc"]);
}

#[test]
fn a_collision_names_both_fields() {
    let fields = vec![
        record("a", vec![field("b_c", DataType::Int64)]),
        record("a_b", vec![field("c", DataType::Int64)]),
    ];
    let twice = batch(fields, &[json!({"a": {"b_c": 1}, "a_b": {"c": 2}}), json!({})]);
    let processed = process(Flatten, json!({}), twice.clone());
    assert_eq!((processed.batch.len(), processed.errors.len()), (0, 2));
    let error = &processed.errors[1];
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("duplicate_field", "`a.b_c` and `a_b.c` would both be called `a_b_c`")
    );
    assert_eq!(process(Flatten, json!({"separator": "."}), twice).errors, []);
}

#[test]
fn contradictions_are_all_reported() {
    let found = faults(Flatten, json!({"max_depth": 0, "fields": ["a", "a"]}));
    assert!(
        found[0].starts_with("max_depth max_depth: ") && found[1].starts_with("duplicate_field fields[1]: ")
    );
    assert!(faults(Flatten, json!({"fields": []}))[0].starts_with("no_fields fields: "));
    describes_itself(Flatten);
}

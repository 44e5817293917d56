//! Both transformations through the traits that the engine calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema};
use etl_model::{Batch, json_field};
use etl_sdk::{FieldError, Processed, Processor, ProcessorConnector};
use etl_transforms::{Filter, Mapping};
use serde_json::{Value, json};

fn batch() -> Batch {
    let address = Fields::from(vec![Field::new("city", DataType::Utf8, true)]);
    let columns: Vec<(Field, ArrayRef)> = vec![
        (Field::new("id", DataType::Int64, false), Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
        (
            Field::new("name", DataType::Utf8, true),
            Arc::new(StringArray::from(vec![Some("Ann"), None, Some("12"), Some("Dan")])),
        ),
        (
            Field::new("amount", DataType::Float64, true),
            Arc::new(Float64Array::from(vec![Some(1.5), Some(f64::NAN), None, Some(1e300)])),
        ),
        (
            Field::new("address", DataType::Struct(address.clone()), true),
            Arc::new(StructArray::new(
                address,
                vec![Arc::new(StringArray::from(vec!["Bonn", "Köln", "hidden", "Ulm"]))],
                Some(NullBuffer::from(vec![true, true, false, true])),
            )),
        ),
        (
            json_field("doc", true),
            Arc::new(StringArray::from(vec![Some("{\"a\": 1}"), Some("[1.0]"), None, Some("7")])),
        ),
    ];
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let records = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    Batch::new(records, UInt64Array::from(vec![10, 20, 30, 40])).unwrap()
}

fn mapping(config: Value) -> Arc<dyn Processor> {
    Mapping.configure(&config).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn faults(errors: Result<Arc<dyn Processor>, Vec<FieldError>>) -> Vec<String> {
    let errors = errors.err().expect("the config is at fault");
    errors.iter().map(|error| format!("{} {error}", error.code)).collect()
}

fn names(processed: &Processed) -> Vec<String> {
    processed.batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn ordinals(processed: &Processed) -> Vec<u64> {
    processed.batch.ordinals().values().to_vec()
}

#[test]
fn filter_divides_every_row_into_exactly_one_part() {
    let filter = Filter.configure(&json!({"condition": "amount < 100.0 && int(name) > 0"})).unwrap();
    let processed = filter.process(batch()).unwrap();
    assert_eq!(ordinals(&processed), Vec::<u64>::new());
    assert_eq!(processed.filtered, [20, 40]);
    let errors: Vec<_> = processed.errors.iter().map(|e| (e.ordinal, e.code.as_str())).collect();
    assert_eq!(errors, [(10, "invalid_conversion"), (30, "no_such_overload")]);
    assert_eq!(
        processed.errors[0].record,
        json!({"id": 1, "name": "Ann", "amount": 1.5, "address": {"city": "Bonn"}, "doc": {"a": 1}})
    );
    assert_eq!(processed.errors[1].record["address"], Value::Null);
}

#[test]
fn filter_follows_the_seed() {
    let filter = Filter.configure(&json!({"condition": "address.city != null"})).unwrap();
    let processed = filter.process(batch()).unwrap();
    assert_eq!(ordinals(&processed), [10, 20, 40]);
    assert_eq!((processed.filtered.as_slice(), processed.errors.len()), (&[30][..], 0));
    let absent = Filter.configure(&json!({"condition": "user.email != null"})).unwrap();
    assert_eq!(absent.process(batch()).unwrap().filtered, [10, 20, 30, 40]);
    let all = Filter.configure(&json!({"condition": "true"})).unwrap();
    assert_eq!(all.process(batch()).unwrap().batch, batch());
}

#[test]
fn a_batch_that_does_not_fit_the_condition_becomes_record_errors() {
    for (condition, code) in
        [("name + 1 == 2", "no_such_overload"), ("id", "condition_not_bool"), ("ghost > 1", "no_such_field")]
    {
        let filter = Filter.configure(&json!({ "condition": condition })).unwrap();
        let processed = filter.process(batch()).unwrap();
        assert_eq!((processed.batch.len(), processed.filtered.len()), (0, 0), "{condition}");
        assert!(
            processed.errors.len() == 4 && processed.errors.iter().all(|e| e.code == code),
            "{condition}"
        );
    }
}

#[test]
fn filter_reports_faults_with_their_place() {
    let errors = Filter.configure(&json!({"condition": "name.startWith('a')"})).err().unwrap();
    assert_eq!((errors[0].code, errors[0].offset), ("unknown_function", Some(14)));
    assert_eq!(errors[0].to_string(), "condition: there is no function `startWith`");
    assert!(Filter.configure(&json!({"condition": "true", "extra": 1})).is_err());
    assert!(Filter.configure(&json!({})).is_err());
}

#[test]
fn mapping_builds_nested_records_in_the_order_of_first_appearance() {
    let mapping = mapping(json!({
        "keep": ["doc", "id"],
        "rename": {"id": "key"},
        "mappings": [
            {"source": "name", "destination": "user.firstName"},
            {"expression": "id * 2", "destination": "twice"},
            {"source": "address.city", "destination": "user.city"},
            {"constant": {"tags": ["a", "b"], "n": 1}, "destination": "fixed"},
            {"constant": null, "destination": "none"},
            {"source": "ghost", "destination": "absent", "optional": true}
        ]
    }));
    let processed = mapping.process(batch()).unwrap();
    assert_eq!(names(&processed), ["key", "doc", "user", "twice", "fixed", "none", "absent"]);
    assert_eq!((ordinals(&processed), processed.errors.len()), (vec![10, 20, 30, 40], 0));
    let records = processed.batch.records();
    let schema = records.schema();
    assert!(etl_model::is_json(schema.field(1)), "a kept JSON column stays one");
    let user = records.column(2).as_struct();
    assert_eq!(user.column_names(), ["firstName", "city"]);
    let city = user.column(1).as_string::<i32>();
    assert!(city.is_null(2), "the parent is null");
    assert_eq!(city.value(1), "Köln");
    assert_eq!(records.column(3).as_primitive::<Int64Type>().values(), &[2, 4, 6, 8]);
    let fixed = records.column(4).as_struct();
    assert_eq!(fixed.column(0).as_list::<i32>().value(3).as_string::<i32>().value(1), "b");
    assert_eq!(fixed.column(1).as_primitive::<Int64Type>().value(3), 1);
    assert_eq!(schema.field(6).data_type(), &DataType::Null);
}

#[test]
fn keep_all_drops_replaces_and_renames() {
    let mapping = mapping(json!({
        "keep": "*",
        "drop": ["doc", "address"],
        "rename": {"name": "label"},
        "mappings": [{"expression": "string(id)", "destination": "id"}]
    }));
    assert_eq!(names(&mapping.process(batch()).unwrap()), ["label", "amount", "id"]);
}

#[test]
fn a_failing_row_leaves_the_batch_and_names_its_destination() {
    let mapping = mapping(json!({"mappings": [
        {"expression": "int(amount)", "destination": "a.whole"},
        {"expression": "12 / (id - 4)", "destination": "b"}
    ]}));
    let processed = mapping.process(batch()).unwrap();
    assert_eq!(ordinals(&processed), [10]);
    let errors: Vec<_> =
        processed.errors.iter().map(|e| (e.ordinal, e.code.as_str(), e.field.as_deref().unwrap())).collect();
    assert_eq!(
        errors,
        [(20, "overflow", "a.whole"), (30, "no_such_overload", "a.whole"), (40, "overflow", "a.whole")]
    );
    assert_eq!(processed.errors[0].record["amount"], json!("NaN"), "a record is reported whole");
}

#[test]
fn a_missing_source_is_an_error_of_every_record() {
    for config in [
        json!({"mappings": [{"source": "ghost.x", "destination": "a"}]}),
        json!({"mappings": [{"source": "address.zip", "destination": "a"}]}),
        json!({"keep": ["id", "ghost"]}),
        json!({"keep": "*", "rename": {"ghost": "g"}}),
    ] {
        let processed = mapping(config.clone()).process(batch()).unwrap();
        assert_eq!((processed.batch.len(), processed.errors.len()), (0, 4), "{config}");
        assert!(processed.errors.iter().all(|e| e.code == "missing_field" && e.help.is_some()));
    }
    let late = mapping(json!({"keep": "*", "rename": {"id": "name"}})).process(batch()).unwrap();
    assert!(late.errors.iter().all(|e| e.code == "duplicate_field") && late.errors.len() == 4);
}

#[test]
fn contradictions_are_all_reported_with_their_places() {
    let config = json!({
        "keep": ["id", "id", "name"],
        "drop": ["name"],
        "rename": {"name": "id", "ghost": "g"},
        "mappings": [
            {"source": "a", "expression": "b", "destination": "x"},
            {"expression": "1 +", "destination": "y"},
            {"source": "a", "destination": "u.v"},
            {"source": "a", "destination": "u"},
            {"source": "a", "destination": "u.v"},
            {"source": "a", "destination": "id"},
            {"source": "a..b", "destination": "z"},
            {"source": "a", "destination": "q."},
            {"constant": 1, "destination": "k", "optional": true}
        ]
    });
    let found = faults(Mapping.configure(&config));
    for expected in [
        "one_value mappings[0]: ",
        "syntax mappings[1].expression: ",
        "duplicate_destination mappings[3].destination: `u` cannot be a value, because `u.v` lies inside it",
        "duplicate_destination mappings[4].destination: `u.v` is the destination of two mappings",
        "duplicate_destination mappings[5].destination: `id` is both a kept field",
        "invalid_path mappings[6].source: ",
        "invalid_path mappings[7].destination: ",
        "optional_without_source mappings[8].optional: ",
        "drop_without_keep_all drop: ",
        "kept_and_dropped drop[0]: ",
        "duplicate_field keep[1]: ",
        "kept_and_dropped rename.name: ",
        "rename_without_keep rename.ghost: ",
        "duplicate_field keep: two kept fields would be called `id`",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected} in {found:#?}");
    }
    assert_eq!(
        faults(Mapping.configure(&json!({})))[0],
        "empty_mapping the mapping yields records without fields"
    );
    let inside =
        json!({"mappings": [{"source": "a", "destination": "u"}, {"source": "a", "destination": "u.v"}]});
    assert_eq!(
        faults(Mapping.configure(&inside)),
        ["duplicate_destination mappings[1].destination: `u.v` lies inside `u`, which is a value"]
    );
    assert!(faults(Mapping.configure(&json!({"keep": "id"})))[0].contains("write [id]"));
}

#[test]
fn the_expressions_of_one_mapping_see_the_same_time() {
    let expressions: Vec<Value> =
        (0..20).map(|n| json!({"expression": "now()", "destination": format!("t{n}")})).collect();
    let processed = mapping(json!({ "mappings": expressions })).process(batch()).unwrap();
    let columns = processed.batch.records().columns();
    assert!(columns.len() == 20 && columns.iter().all(|column| column == &columns[0]));
}

#[test]
fn schemas_may_alternate_between_batches() {
    let mapping = mapping(
        json!({"keep": ["id"], "mappings": [{"expression": "has(record.name) ? name : 'none'", "destination": "n"}]}),
    );
    let other = {
        let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
        let records = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![9]))]).unwrap();
        Batch::new(records, UInt64Array::from(vec![1])).unwrap()
    };
    for _ in 0..3 {
        let first = mapping.process(batch()).unwrap();
        let second = mapping.process(other.clone()).unwrap();
        assert_eq!(first.batch.schema(), second.batch.schema());
        assert_eq!(second.batch.records().column(1).as_string::<i32>().value(0), "none");
        assert_eq!(first.batch.records().column(1).as_string::<i32>().value(1), "none");
    }
}

#[test]
fn descriptors_are_complete() {
    for (descriptor, field) in [(Filter.descriptor(), "condition"), (Mapping.descriptor(), "mappings")] {
        let schema = serde_json::to_value(&descriptor.schema).unwrap();
        assert!(schema["properties"][field]["description"].is_string(), "{field} is documented");
        assert_eq!(schema["additionalProperties"], json!(false));
        assert!(descriptor.example.starts_with(&format!("type: {}\n", descriptor.name)));
    }
}

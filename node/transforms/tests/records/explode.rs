use arrow::datatypes::DataType;
use etl_model::{Batch, is_json, json_field};
use etl_transforms::Explode;
use serde_json::json;

use crate::batches::{
    batch, configured, describes_itself, errors, faults, field, list, ordinals, process, record, rows,
};

fn orders() -> Batch {
    let items = list("items", record("", vec![field("sku", DataType::Utf8), field("n", DataType::Int64)]));
    let attributes = DataType::Map(
        record("entries", vec![field("k", DataType::Utf8).with_nullable(false), field("v", DataType::Int64)])
            .with_nullable(false)
            .into(),
        false,
    );
    let fields = vec![
        field("id", DataType::Int64),
        record("order", vec![items, field("note", DataType::Utf8)]),
        field("attributes", attributes),
        json_field("doc", true),
    ];
    batch(
        fields,
        &[
            json!({"id": 1, "order": {"items": [{"sku": "a", "n": 1}, null, {"sku": "b", "n": 2}], "note": "x"},
                   "attributes": {"p": 1, "q": null}, "doc": "[1, \"x\", {\"a\": 1.10}]"}),
            json!({"id": 2, "order": {"items": [], "note": "y"}, "attributes": {}, "doc": "{\"k\": [0.1]}"}),
            json!({"id": 3, "order": null, "attributes": null, "doc": "7"}),
            json!({"id": 4, "order": {"items": null}, "doc": "null"}),
            json!({"id": 5, "order": {"items": [{"sku": "c"}]}, "attributes": {"r": 3}, "doc": "[}"}),
        ],
    )
}

#[test]
fn elements_take_the_place_of_the_list_and_stay_together() {
    let processed = process(Explode, json!({"field": "order.items", "index_field": "at"}), orders());
    assert_eq!(ordinals(&processed), [10, 10, 10, 50]);
    assert_eq!((processed.filtered.as_slice(), processed.errors.len()), (&[20, 30, 40][..], 0));
    let found = rows(&processed);
    assert_eq!(found[0]["order"], json!({"items": {"sku": "a", "n": 1}, "note": "x"}));
    assert_eq!(found[1]["order"], json!({"items": null, "note": "x"}), "an element that is null is one");
    assert_eq!(found.iter().map(|row| row["at"].as_i64().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 0]);
    assert_eq!((&found[2]["id"], &found[2]["attributes"]), (&json!(1), &json!({"p": 1, "q": null})));
}

#[test]
fn a_record_without_elements_goes_on_if_it_is_to() {
    let config = json!({"field": "order.items", "as": "item", "index_field": "at", "keep_empty": true});
    let processed = process(Explode, config, orders());
    assert_eq!(ordinals(&processed), [10, 10, 10, 20, 30, 40, 50]);
    let found = rows(&processed);
    assert_eq!(found[0]["order"], json!({"note": "x"}), "the list is left out");
    assert_eq!(
        (&found[3]["item"], &found[3]["at"], &found[4]["order"]),
        (&json!(null), &json!(null), &json!(null))
    );
    assert_eq!(found[6]["item"], json!({"sku": "c", "n": null}));
}

#[test]
fn maps_have_entries() {
    let processed = process(Explode, json!({"field": "attributes", "as": "a"}), orders());
    let entries: Vec<_> = rows(&processed).into_iter().map(|row| row["a"].clone()).collect();
    let entry = |key: &str, value| json!({"key": key, "value": value});
    assert_eq!(entries, [entry("p", json!(1)), entry("q", json!(null)), entry("r", json!(3))]);
    assert!(processed.batch.schema().field_with_name("attributes").is_err());
}

#[test]
fn documents_are_taken_apart_one_by_one() {
    let processed = process(Explode, json!({"field": "doc"}), orders());
    assert!(is_json(processed.batch.schema().field_with_name("doc").unwrap()));
    let found: Vec<_> = rows(&processed).into_iter().map(|row| row["doc"].clone()).collect();
    assert_eq!(found, [json!(1), json!("x"), json!({"a": 1.1}), json!({"key": "k", "value": [0.1]})]);
    assert_eq!(errors(&processed), [(30, "not_a_list"), (50, "not_a_list")]);
    assert_eq!(processed.errors[0].message, "the value is a number, not a list");
    assert_eq!(processed.filtered, [40]);
}

#[test]
fn a_field_that_is_missing_or_no_list_is_an_error_of_every_record() {
    for (config, code) in [
        (json!({"field": "ghost"}), "missing_field"),
        (json!({"field": "order.items.sku"}), "missing_field"),
        (json!({"field": "id"}), "not_a_list"),
        (json!({"field": "order.items", "as": "id"}), "duplicate_field"),
        (json!({"field": "order.items", "index_field": "doc"}), "duplicate_field"),
    ] {
        let processed = process(Explode, config.clone(), orders());
        assert!(errors(&processed).iter().all(|(_, found)| *found == code), "{config}");
        assert_eq!((processed.errors.len(), processed.batch.len(), processed.filtered.len()), (5, 0, 0));
    }
    let optional = process(Explode, json!({"field": "ghost", "optional": true}), orders());
    assert_eq!((optional.filtered.len(), optional.errors.len()), (5, 0));
    let kept = json!({"field": "ghost", "as": "g", "optional": true, "keep_empty": true});
    assert_eq!(rows(&process(Explode, kept, orders()))[4]["g"], json!(null));
    assert_eq!(process(Explode, json!({"field": "attributes", "as": "attributes"}), orders()).errors, []);
}

#[test]
fn contradictions_are_all_reported() {
    let found = faults(Explode, json!({"field": "a..b", "as": "", "index_field": ""}));
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found[0].starts_with("invalid_path field: ") && found[3].starts_with("duplicate_field index_field: ")
    );
    let empty = orders().slice(0, 0);
    assert!(configured(Explode, json!({"field": "doc"})).process(empty).unwrap().batch.is_empty());
    describes_itself(Explode);
}

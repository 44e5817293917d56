use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, Decimal128Array, DictionaryArray, Int64Array, RecordBatch, UInt64Array,
};
use arrow::datatypes::{DataType, Int32Type};
use etl_model::{Batch, is_json, json_field};
use etl_transforms::{Detokenise, Mask};
use serde_json::{Value, json};

use crate::batches::{batch, describes_itself, errors, faults, field, list, ordinals, process, record, rows};

const KEY: &str = "sixteen or more characters";

fn users() -> Batch {
    let entries =
        record("entries", vec![field("k", DataType::Utf8).with_nullable(false), field("v", DataType::Utf8)]);
    let user = vec![
        field("email", DataType::Utf8),
        field("credit_card", DataType::Int64),
        list("phones", record("", vec![field("number", DataType::Utf8)])),
    ];
    let fields = vec![
        record("user", user),
        field("user.email", DataType::Utf8),
        field("attributes", DataType::Map(entries.with_nullable(false).into(), false)),
        json_field("doc", true),
    ];
    batch(
        fields,
        &[
            json!({"user": {"email": "ann@example.com", "credit_card": 4111111111111111_i64, "phones": [{"number": "+49301234567"}, null]},
                   "user.email": "flat@example.com", "attributes": {"email": "map@x.org", "other": "y"},
                   "doc": "{\"email\": \"in@x.org\", \"n\": [1.50, {\"email\": \"deep@x.org\"}], \"user\": {\"email\": 7}}"}),
            json!({"user": null, "attributes": null, "doc": "\"text@x.org\""}),
            json!({"user": {"email": null, "phones": null}, "user.email": "b", "attributes": {}, "doc": "{broken b@x.org"}),
        ],
    )
}

fn masked(rules: Value) -> Vec<Value> {
    let processed = process(Mask, json!({ "masking_rules": rules }), users());
    assert_eq!((ordinals(&processed), processed.errors.len()), (vec![10, 20, 30], 0));
    rows(&processed)
}

#[test]
fn the_rules_of_the_seed() {
    let found = masked(json!([
        {"field": "user.email", "method": "partial", "show_chars": 3},
        {"field": "user.credit_card", "method": "full", "replacement": "****"},
    ]));
    assert_eq!(found[0]["user"]["email"], "************com");
    assert_eq!(found[0]["user"]["credit_card"], "****", "the number has become a text");
    assert_eq!(found[0]["user.email"], "*************com", "a field with dots in its name is the same path");
    assert_eq!((&found[1]["user"], &found[2]["user"]["email"]), (&json!(null), &json!(null)));
    assert_eq!(found[2]["user.email"], "*");
    assert_eq!(found[2]["user"]["credit_card"], json!(null));
}

#[test]
fn paths_lead_through_lists_maps_and_documents() {
    let full = |path: &str| masked(json!([{"field": path, "method": "full", "replacement": "-"}]));
    assert_eq!(full("user.phones.number")[0]["user"]["phones"], json!([{"number": "-"}, null]));
    assert_eq!(full("attributes.email")[0]["attributes"], json!({"email": "-", "other": "y"}));
    assert_eq!(
        full("doc.email")[0]["doc"],
        json!({"email": "-", "n": [1.5, {"email": "deep@x.org"}], "user": {"email": 7}})
    );
    assert_eq!(full("doc.n.email")[0]["doc"]["n"], json!([1.5, {"email": "-"}]));
    assert_eq!(full("doc.user.email")[0]["doc"]["user"], json!({"email": "-"}));
    assert_eq!(full("doc.user.email")[1]["doc"], "text@x.org");
    assert_eq!(full("doc.email")[2]["doc"], "****", "nobody knows what is in it");
    assert_eq!(full("doc")[0]["doc"], "-");
    assert_eq!(full("user.phones")[0]["user"]["phones"], "-");
    assert_eq!(
        full("ghost.x"),
        rows(&process(Mask, json!({"masking_rules": [{"field": "ghost", "method": "full"}]}), users()))
    );
}

#[test]
fn what_is_nested_too_deeply_is_hidden_as_a_whole() {
    let nested =
        |depth: usize| json!({"doc": format!("{}\"x@x.org\"{}", "[".repeat(depth), "]".repeat(depth))});
    let given = batch(vec![json_field("doc", true)], &[nested(100), nested(100_000)]);
    let rules = json!({"masking_rules": [{"field": "doc", "method": "redact", "detect": ["email"]}]});
    let processed = process(Mask, rules, given);
    let texts = processed.batch.records().column(0).as_string::<i32>();
    assert!(texts.value(0).ends_with(&format!("[\"[REDACTED]\"{}", "]".repeat(100))), "{}", texts.value(0));
    assert_eq!(texts.value(1), "\"****\"");
}

#[test]
fn values_inside_are_masked_one_by_one_unless_the_whole_is_replaced() {
    let found = masked(
        json!([{"field": "user", "method": "hash", "key": KEY}, {"field": "doc", "method": "partial", "show_chars": 1}]),
    );
    let is_hash = |value: &Value| value.as_str().is_some_and(|text| text.len() == 64);
    let user = &found[0]["user"];
    assert!(
        is_hash(&user["email"]) && is_hash(&user["credit_card"]) && is_hash(&user["phones"][0]["number"])
    );
    assert_eq!(user["phones"][1], json!(null));
    assert_eq!(
        found[0]["doc"],
        json!({"email": "*******g", "n": ["***0", {"email": "*********g"}], "user": {"email": "*"}})
    );
    let processed =
        process(Mask, json!({"masking_rules": [{"field": "doc", "method": "hash", "key": KEY}]}), users());
    assert!(is_json(processed.batch.schema().field_with_name("doc").unwrap()));
}

#[test]
fn texts_are_searched() {
    let found = masked(
        json!([{"method": "redact", "detect": ["email", "phone"], "patterns": ["broken"], "replacement": "#"}]),
    );
    let shown = Value::from(found.clone()).to_string();
    assert!(!shown.contains("x.org") && !shown.contains("example.com") && !shown.contains("4930"), "{shown}");
    assert_eq!(found[0]["user"]["credit_card"], json!(4111111111111111_i64), "numbers are left alone");
    assert_eq!(found[0]["doc"]["n"][0], json!(1.5));
    assert_eq!(found[1]["doc"], "#");
    let one = masked(json!([{"field": "user.email", "method": "redact", "patterns": ["@.*"]}]));
    assert_eq!(
        (&one[0]["user"]["email"], &one[0]["doc"]["email"]),
        (&json!("ann[REDACTED]"), &json!("in@x.org"))
    );
}

#[test]
fn tokens_are_turned_back() {
    let rules = json!([{"field": "user.email", "method": "tokenise", "key": KEY}, {"field": "user.credit_card", "method": "tokenise", "key": KEY}]);
    let sealed = process(Mask, json!({ "masking_rules": rules }), users());
    let token = rows(&sealed)[0]["user"]["email"].as_str().unwrap().to_owned();
    assert!(token.starts_with("tok1_") && !token.contains("ann"));
    let fields = json!(["user.credit_card", "user.email"]);
    let opened = process(Detokenise, json!({"fields": fields, "key": KEY}), sealed.batch.clone());
    assert_eq!(rows(&opened)[0]["user.email"], "flat@example.com");
    assert_eq!(opened.errors, []);
    let other =
        process(Detokenise, json!({"fields": fields, "key": "another key of some length"}), sealed.batch);
    assert_eq!(errors(&other), [(10, "invalid_token"), (30, "invalid_token")]);
    assert!(!format!("{:?}", other.errors).contains("ann@"));
    let plain = process(Detokenise, json!({"fields": ["user.phones"], "key": KEY}), users());
    assert_eq!(errors(&plain), [(10, "invalid_token")]);
    assert_eq!(errors(&process(Detokenise, json!({"fields": ["x"], "key": KEY}), users())).len(), 3);
}

#[test]
fn a_required_field_that_is_missing_fails_with_records_that_are_masked() {
    let rules = json!([
        {"field": "ghost", "method": "full", "required": true},
        {"field": "user", "method": "full"},
        {"field": "user.email", "method": "full"},
        {"field": "attributes", "method": "full"},
        {"field": "doc", "method": "full", "required": true},
    ]);
    let processed = process(Mask, json!({ "masking_rules": rules }), users());
    assert_eq!(errors(&processed), [10, 20, 30].map(|ordinal| (ordinal, "missing_field")));
    assert_eq!(
        processed.errors[0].record,
        json!({"user": "****", "user.email": "****", "attributes": "****", "doc": "****"})
    );
}

#[test]
fn every_type_becomes_a_text() {
    let decimals = Decimal128Array::from(vec![Some(12345), None]).with_precision_and_scale(10, 2).unwrap();
    let columns: [(&str, ArrayRef); 4] = [
        ("decimal", Arc::new(decimals)),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"abcdef"[..], &b"\xff\xfe\xfd\xfc"[..]]))),
        ("words", Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("secret"), None]))),
        ("n", Arc::new(Int64Array::from(vec![123456, -5]))),
    ];
    let records =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap();
    let given = Batch::new(records, UInt64Array::from(vec![1, 2])).unwrap();
    let rule = |field: &str| json!({"field": field, "method": "partial", "show_chars": 2});
    let rules = json!({"masking_rules": [rule("decimal"), rule("bytes"), rule("words"), rule("n")]});
    assert_eq!(
        rows(&process(Mask, rules, given)),
        [
            json!({"decimal": "****45", "bytes": "****ef", "words": "****et", "n": "****56"}),
            json!({"decimal": null, "bytes": "****", "words": null, "n": "*5"}),
        ]
    );
}

#[test]
fn contradictions_are_all_reported_without_showing_a_key() {
    let found = faults(
        Mask,
        json!({"masking_rules": [
            {"field": "a..b", "method": "full"},
            {"field": "a", "method": "hash", "key": "hunter2"},
            {"field": "a", "method": "tokenise", "key": "hunter2"},
            {"method": "redact", "required": true},
            {"method": "redact", "patterns": ["("]},
        ]}),
    );
    for expected in [
        "invalid_path masking_rules[0].field: ",
        "short_key masking_rules[1].key: ",
        "duplicate_field masking_rules[2].field: ",
        "short_key masking_rules[2].key: ",
        "required_without_field masking_rules[3].required: ",
        "nothing_to_detect masking_rules[3]: ",
        "invalid_pattern masking_rules[4].patterns[0]: ",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected} in {found:#?}");
    }
    assert_eq!(found.len(), 7);
    assert!(!format!("{found:?}").contains("hunter2"));
    assert!(faults(Mask, json!({"masking_rules": []}))[0].starts_with("no_rules masking_rules: "));
    let found = faults(Detokenise, json!({"fields": ["a."], "key": "hunter2"}));
    assert!(found[0].starts_with("invalid_path fields[0]: ") && found[1].starts_with("short_key key: "));
    describes_itself(Mask);
    describes_itself(Detokenise);
}

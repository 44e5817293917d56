use arrow::datatypes::DataType;
use etl_model::{Batch, is_json, json_field};
use etl_sdk::Processed;
use etl_transforms::Parse;
use serde_json::{Value, json};

use crate::batches::{batch, describes_itself, errors, faults, field, process, record, rows};

fn texts(texts: &[Option<&str>]) -> Batch {
    let fields = vec![field("id", DataType::Int64), record("in", vec![field("line", DataType::Utf8)])];
    let row = |(id, text): (usize, &Option<&str>)| json!({"id": id, "in": {"line": text}});
    batch(fields, &texts.iter().enumerate().map(row).collect::<Vec<_>>())
}

fn parsed(mut config: Value, lines: &[Option<&str>]) -> Processed {
    config["field"] = json!("in.line");
    process(Parse, config, texts(lines))
}

fn column(processed: &Processed, name: &str) -> Vec<Value> {
    rows(processed).into_iter().map(|row| row[name].clone()).collect()
}

#[test]
fn json_is_a_document_or_the_fields_that_are_named() {
    let lines = [
        Some("{\"a\": 1.50, \"b\": [1], \"a\": 2.5}"),
        None,
        Some("{]"),
        Some("{\"b\": \"x\"}"),
        Some("[1]"),
    ];
    let whole = parsed(json!({"format": "json"}), &lines);
    let documents: Vec<_> = column(&whole, "in").into_iter().map(|row| row["line"].clone()).collect();
    assert_eq!(documents, [json!({"a": 2.5, "b": [1]}), json!(null), json!({"b": "x"}), json!([1])]);
    assert_eq!(errors(&whole), [(30, "invalid_json")]);
    let config =
        json!({"format": "json", "into": "doc", "fields": {"a": "decimal(5,2)", "b": "string", "c": "int"}});
    let named = parsed(config, &lines);
    assert_eq!(errors(&named), [(30, "invalid_json"), (50, "invalid_json")]);
    assert_eq!(
        column(&named, "doc"),
        [json!({"a": 2.5, "b": "[1]", "c": null}), json!(null), json!({"a": null, "b": "x", "c": null})]
    );
    assert_eq!(column(&named, "in")[0], json!({}), "the text is left out");
    let apart = parsed(json!({"format": "json", "into": "doc", "keep": true}), &lines[..1]);
    assert!(is_json(apart.batch.schema().field_with_name("doc").unwrap()));
    assert_eq!(column(&apart, "in")[0]["line"], json!(lines[0]));
}

#[test]
fn lines_of_csv_have_named_values() {
    let config = json!({"format": "csv", "delimiter": ";", "columns": ["n", "s"], "fields": {"n": "int"}});
    let processed = parsed(config, &[Some("7;\"a;b\""), Some(";"), Some("x;y"), Some("1;2;3"), Some("1;\"")]);
    assert_eq!(
        rows(&processed),
        [json!({"id": 0, "in": {}, "n": 7, "s": "a;b"}), json!({"id": 1, "in": {}, "n": null, "s": null})]
    );
    assert_eq!(
        errors(&processed),
        [(30, "invalid_conversion"), (40, "csv_field_count"), (50, "invalid_csv")]
    );
    assert_eq!(processed.errors[0].field.as_deref(), Some("n"));
    assert_eq!(processed.errors[1].message, "the line has 3 values, not 2");
}

#[test]
fn urls_have_parts() {
    let config = json!({"format": "url", "into": "url"});
    let processed =
        parsed(config, &[Some("https://ann:pw@Ex.org:8443/a%20b?q=1#top"), Some("mailto:x"), Some("/a")]);
    assert_eq!(
        column(&processed, "url"),
        [
            json!({"scheme": "https", "username": "ann", "host": "ex.org", "port": 8443, "path": "/a%20b",
                   "query": "q=1", "fragment": "top"}),
            json!({"scheme": "mailto", "username": null, "host": null, "port": null, "path": "x", "query": null,
                   "fragment": null}),
        ]
    );
    assert_eq!(errors(&processed), [(30, "invalid_url")]);
}

#[test]
fn pairs_are_an_object_or_the_keys_that_are_named() {
    let lines = [Some("level=info took=1.5 msg=\"a b\""), Some("took=x"), Some("nothing")];
    let all = parsed(json!({"format": "key_value", "into": "log"}), &lines);
    assert_eq!(
        column(&all, "log"),
        [json!({"level": "info", "took": "1.5", "msg": "a b"}), json!({"took": "x"})]
    );
    assert_eq!(errors(&all), [(30, "invalid_key_value")]);
    let fields = json!({"level": "string", "took": {"type": "float", "on_failure": null}});
    let named = parsed(json!({"format": "key_value", "fields": fields}), &lines);
    assert_eq!(column(&named, "took"), [json!(1.5), json!(null)]);
    assert_eq!(column(&named, "level"), [json!("info"), json!(null)]);
}

#[test]
fn groups_of_a_pattern_become_fields() {
    let config =
        json!({"format": "regex", "pattern": "^(?<who>\\w+)(?: (?<n>\\d+))?$", "fields": {"n": "int"}});
    let processed = parsed(config, &[Some("ann 7"), Some("bob"), Some("?"), None]);
    assert_eq!(column(&processed, "who"), [json!("ann"), json!("bob"), json!(null)]);
    assert_eq!(column(&processed, "n"), [json!(7), json!(null), json!(null)]);
    assert_eq!(errors(&processed), [(30, "no_match")]);
}

#[test]
fn times_are_read_in_their_format_and_zone() {
    let config = json!({"format": "timestamp", "pattern": "%d.%m.%Y %H:%M", "timezone": "Europe/Berlin", "into": "at"});
    let lines = [Some("01.07.2026 12:00"), Some("25.10.2026 02:30"), Some("29.03.2026 02:30"), Some("x")];
    let processed = parsed(config, &lines);
    assert_eq!(column(&processed, "at"), [json!("2026-07-01T10:00:00Z")]);
    assert_eq!(processed.errors[0].message, "`25.10.2026 02:30` is twice on the clock of Europe/Berlin");
    assert_eq!(processed.errors[1].message, "`29.03.2026 02:30` is never on the clock of Europe/Berlin");
    assert_eq!(errors(&processed)[2], (40, "invalid_timestamp"));
}

#[test]
fn a_batch_that_does_not_fit_is_refused_record_by_record() {
    let regex = json!({"format": "regex", "pattern": "(?<id>.)", "field": "in.line"});
    for (config, code) in [
        (json!({"field": "ghost", "format": "json"}), "missing_field"),
        (json!({"field": "id", "format": "json"}), "not_a_text"),
        (json!({"field": "in", "format": "json"}), "not_a_text"),
        (regex, "duplicate_field"),
        (json!({"field": "in.line", "format": "url", "into": "id"}), "duplicate_field"),
    ] {
        let processed = process(Parse, config.clone(), texts(&[Some("x"), None]));
        assert_eq!(errors(&processed), [(10, code), (20, code)], "{config}");
    }
    let document = batch(vec![json_field("doc", true)], &[json!({"doc": "\"a=1\""}), json!({"doc": "x"})]);
    let processed = process(Parse, json!({"field": "doc", "format": "key_value"}), document);
    assert_eq!(
        (rows(&processed), errors(&processed)),
        (vec![json!({"doc": {"a": "1"}})], vec![(20, "invalid_json")])
    );
}

#[test]
fn contradictions_are_all_reported_with_their_places() {
    for (config, expected) in [
        (
            json!({"format": "json", "columns": ["a"], "timezone": "UTC"}),
            vec!["useless_option columns: ", "useless_option timezone: "],
        ),
        (json!({"format": "json", "fields": {"a": "integer"}}), vec!["unknown_type fields.a: "]),
        (
            json!({"format": "json", "fields": {"a": {"type": "int", "optional": true}}}),
            vec!["useless_option fields.a.optional: "],
        ),
        (json!({"format": "json", "keep": true}), vec!["keep_in_place keep: "]),
        (
            json!({"format": "csv", "delimiter": "ab"}),
            vec!["invalid_delimiter delimiter: ", "no_columns the values"],
        ),
        (
            json!({"format": "csv", "columns": ["a", "a", ""]}),
            vec!["duplicate_field columns[1]: ", "duplicate_field columns[2]: "],
        ),
        (json!({"format": "regex"}), vec!["missing_pattern there is no"]),
        (json!({"format": "regex", "pattern": "("}), vec!["invalid_pattern pattern: "]),
        (json!({"format": "regex", "pattern": "(.)"}), vec!["no_groups pattern: "]),
        (
            json!({"format": "regex", "pattern": "(?<a>.)", "fields": {"b": "int"}}),
            vec!["unknown_field fields.b: "],
        ),
        (json!({"format": "timestamp", "pattern": "%Q"}), vec!["invalid_format pattern: "]),
        (json!({"format": "timestamp", "fields": {}}), vec!["useless_option fields: "]),
        (
            json!({"format": "key_value", "pair_separator": "=", "value_separator": "="}),
            vec!["same_separator value_separator: "],
        ),
    ] {
        let mut given = config.clone();
        given["field"] = json!("line");
        let found = faults(Parse, given);
        assert_eq!(found.len(), expected.len(), "{config}: {found:?}");
        assert!(
            found.iter().zip(expected).all(|(found, start)| found.starts_with(start)),
            "{config}: {found:?}"
        );
    }
    describes_itself(Parse);
}

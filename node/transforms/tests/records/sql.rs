use std::sync::Arc;

use crate::batches::{
    batch, configured, describes_itself, errors, faults, field, list, ordinals, process, record, rows,
};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use etl_model::{Batch, is_json, json_field};
use etl_sdk::Processed;
use etl_transforms::Sql;
use serde_json::{Value, json};

fn orders() -> Batch {
    let fields = vec![
        field("id", DataType::Int64),
        field("firstName", DataType::Utf8),
        record("address", vec![field("zip", DataType::Utf8)]),
        list("tags", field("item", DataType::Utf8)),
        json_field("doc", true),
        field("n", DataType::Int64),
    ];
    batch(
        fields,
        &[
            json!({"id": 1, "firstName": "Ada", "address": {"zip": "50667"}, "tags": ["a", "b"], "doc": "{\"x\":1}", "n": 2}),
            json!({"id": 2, "firstName": "Bob", "address": {"zip": "x"}, "tags": [], "doc": "[1]", "n": 0}),
            json!({"id": 3, "firstName": null, "address": null, "tags": null, "doc": null, "n": null}),
            json!({"id": 4, "firstName": "Eve", "address": {"zip": "1"}, "tags": ["c"], "doc": "4", "n": 4}),
        ],
    )
}

fn run(query: &str) -> Processed {
    process(Sql, json!({ "query": query }), orders())
}

fn refused(query: &str) -> Vec<String> {
    faults(Sql, json!({ "query": query }))
}

#[test]
fn records_are_selected_and_made_anew() {
    let processed =
        run("SELECT id, upper(firstName) AS name, b.address['zip'] AS zip FROM batch b WHERE n >= 0");
    assert_eq!(
        rows(&processed),
        [
            json!({"id": 1, "name": "ADA", "zip": "50667"}),
            json!({"id": 2, "name": "BOB", "zip": "x"}),
            json!({"id": 4, "name": "EVE", "zip": "1"}),
        ]
    );
    assert_eq!((ordinals(&processed), processed.filtered), (vec![10, 20, 40], vec![30]));
    let all = run("SELECT * FROM batch");
    assert_eq!((all.batch.schema(), rows(&all)), (orders().schema(), rows(&unchanged())));
    assert!(run("SELECT id FROM batch WHERE false").batch.is_empty());
}

fn unchanged() -> Processed {
    Processed { batch: orders(), filtered: Vec::new(), errors: Vec::new() }
}

#[test]
fn the_records_of_a_list_keep_the_ordinal_of_theirs() {
    let processed = run("SELECT id, unnest(tags) AS tag FROM batch");
    let made = [json!({"id": 1, "tag": "a"}), json!({"id": 1, "tag": "b"}), json!({"id": 4, "tag": "c"})];
    assert_eq!(rows(&processed), made);
    assert_eq!(ordinals(&processed), [10, 10, 40]);
    assert_eq!(processed.filtered, [20, 30]);
}

#[test]
fn records_fail_one_by_one() {
    let processed = run("SELECT id, 8 / n AS share, CAST(address['zip'] AS INT) AS zip FROM batch");
    assert_eq!(errors(&processed), [(20, "division_by_zero")]);
    assert_eq!(ordinals(&processed), [10, 30, 40]);
    let processed = run("SELECT CAST(address['zip'] AS INT) AS zip FROM batch WHERE id < 4");
    assert_eq!(errors(&processed), [(20, "invalid_conversion")]);
    assert!(processed.errors[0].message.contains("'x'"), "{}", processed.errors[0].message);
    assert_eq!(processed.errors[0].record["firstName"], json!("Bob"), "the record is reported whole");
    assert_eq!((ordinals(&processed), processed.filtered), (vec![10, 30], vec![40]));
    let processed = run("SELECT 9223372036854775807 - id + n AS far FROM batch");
    assert_eq!(errors(&processed), [(10, "overflow")]);
    let processed = run("SELECT 1 / 0 AS x FROM batch");
    assert_eq!((processed.errors.len(), processed.batch.len()), (4, 0));
}

#[test]
fn a_query_that_does_not_fit_fails_every_record() {
    for query in
        ["SELECT ghost FROM batch", "SELECT firstname FROM batch", "SELECT id + tags AS x FROM batch"]
    {
        let processed = run(query);
        assert_eq!(processed.errors.len(), 4, "{query}");
        assert!(processed.errors.iter().all(|error| error.code == "sql_plan"), "{query}");
    }
    assert!(run("SELECT ghost FROM batch").errors[0].message.contains("ghost"));
}

/// The same whatever the batches are: a few failing and filtered records among many.
#[test]
fn where_batches_are_cut_makes_no_difference() {
    let given: Vec<Value> = (0..1_000).map(|n| json!({"n": n % 50, "m": n})).collect();
    let whole = batch(vec![field("n", DataType::Int64), field("m", DataType::Int64)], &given);
    let step = configured(
        Sql,
        json!({"query": "SELECT m, 100 / n AS x FROM batch WHERE n <> 7 AND 1000 / (m - 500) < 900"}),
    );
    let outcome = |size: usize| {
        let (mut on, mut filtered, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for start in (0..whole.len()).step_by(size) {
            let part = step.process(whole.slice(start, size.min(whole.len() - start))).unwrap();
            on.extend(ordinals(&part).into_iter().zip(rows(&part)));
            failed.extend(part.errors.iter().map(|error| (error.ordinal, error.code.to_string())));
            filtered.extend(part.filtered);
        }
        (on, filtered, failed)
    };
    let expected = outcome(1);
    assert_eq!(expected.2.len(), 20, "each multiple of 50, and 500 is one");
    for size in [3, 64, 999, 1_000] {
        assert_eq!(outcome(size), expected, "{size}");
    }
}

#[test]
fn types_are_those_of_the_other_steps() {
    let views: ArrayRef =
        Arc::new(StringViewArray::from(vec![Some("a text that is longer than a view"), None]));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let fields = vec![Field::new("t", DataType::Utf8View, true), Field::new("id", DataType::Int64, false)];
    let records = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![views, ids]).unwrap();
    let given = Batch::new(records, UInt64Array::from(vec![5, 6])).unwrap();
    let query = "SELECT t, upper(t) AS u, 'x' AS c, CAST(id AS VARCHAR) AS i, [t] AS l FROM batch";
    let processed = process(Sql, json!({ "query": query }), given);
    let schema = processed.batch.schema();
    let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(types[..4], [&DataType::Utf8; 4]);
    assert!(matches!(types[4], DataType::List(item) if *item.data_type() == DataType::Utf8), "{}", types[4]);
    assert_eq!(rows(&processed)[0]["u"], json!("A TEXT THAT IS LONGER THAN A VIEW"));

    let processed = run("SELECT doc, TRY_CAST(doc AS BIGINT) AS n FROM batch");
    let schema = processed.batch.schema();
    assert!(is_json(schema.field(0)), "what is only passed on stays JSON");
    assert!(schema.field(1).metadata().is_empty());
    assert_eq!(rows(&processed)[0], json!({"doc": {"x": 1}, "n": null}));
}

#[test]
fn batches_of_one_step_are_processed_at_the_same_time() {
    let step = configured(Sql, json!({"query": "SELECT m * 2 AS m FROM batch WHERE m % 3 = 0"}));
    std::thread::scope(|scope| {
        for thread in 0..4i64 {
            let step = &step;
            scope.spawn(move || {
                for number in 0..50 {
                    let first = thread * 1_000 + number;
                    let given: Vec<Value> = (first..first + 30).map(|m| json!({ "m": m })).collect();
                    let processed = step.process(batch(vec![field("m", DataType::Int64)], &given)).unwrap();
                    let expected: Vec<Value> =
                        (first..first + 30).filter(|m| m % 3 == 0).map(|m| json!({"m": m * 2})).collect();
                    assert_eq!(rows(&processed), expected);
                }
            });
        }
    });
}

#[test]
fn what_is_about_several_records_is_refused() {
    for (query, part) in [
        ("SELECT sum(n) AS s FROM batch", "`sum()`"),
        ("SELECT COUNT(*) AS c FROM batch", "`count()`"),
        ("SELECT row_number() OVER () AS r FROM batch", "`row_number() OVER`"),
        ("SELECT lag(n) AS l FROM batch", "`lag()`"),
        ("SELECT n FROM batch GROUP BY n", "GROUP BY"),
        ("SELECT n FROM batch GROUP BY ALL", "GROUP BY"),
        ("SELECT DISTINCT n FROM batch", "DISTINCT"),
        ("SELECT n FROM batch HAVING n > 1", "HAVING"),
        ("SELECT n FROM batch ORDER BY n", "ORDER BY"),
        ("SELECT n FROM batch LIMIT 3", "LIMIT"),
        ("SELECT n FROM batch FETCH FIRST 3 ROWS ONLY", "FETCH"),
        ("SELECT n FROM batch UNION ALL SELECT n FROM batch", "UNION"),
        ("SELECT a.n FROM batch a, batch b", "a join"),
        ("SELECT a.n FROM batch a JOIN batch b ON a.n = b.n", "a join"),
        ("SELECT (SELECT max(n) FROM batch) AS m FROM batch", "a query inside"),
        ("SELECT n FROM batch WHERE n IN (SELECT n FROM batch)", "a query inside"),
        ("SELECT n FROM batch WHERE EXISTS (SELECT 1)", "a query inside"),
        ("WITH x AS (SELECT n FROM batch) SELECT n FROM batch", "WITH"),
    ] {
        let found = refused(query);
        let expected = format!("not_per_record query: {part}");
        assert!(found.iter().any(|fault| fault.starts_with(&expected)), "{query}: {found:?}");
    }
}

#[test]
fn queries_reach_nothing_but_the_records() {
    for (query, code) in [
        ("SELECT * FROM '/etc/passwd'", "unknown_table"),
        ("SELECT * FROM \"data.parquet\"", "unknown_table"),
        ("SELECT * FROM information_schema.tables", "unknown_table"),
        ("SELECT * FROM read_csv('/etc/passwd')", "unknown_table"),
        ("SELECT * FROM batch('x')", "unknown_table"),
        ("SELECT value FROM generate_series(1, 9)", "unknown_table"),
        ("SELECT x FROM (SELECT n AS x FROM batch)", "unknown_table"),
        ("SELECT 1 AS one", "unknown_table"),
        ("CREATE TABLE x AS SELECT 1", "not_a_select"),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", "syntax"),
        ("COPY batch TO '/tmp/x.csv'", "not_a_select"),
        ("SET x = 1", "not_a_select"),
        ("INSERT INTO batch VALUES (1)", "not_a_select"),
        ("DELETE FROM batch", "not_a_select"),
        ("EXPLAIN SELECT n FROM batch", "not_a_select"),
        ("VALUES (1)", "not_a_select"),
        ("SELECT n INTO x FROM batch", "not_a_select"),
        ("SELECT n FROM batch; SELECT n FROM batch", "not_a_select"),
        ("", "not_a_select"),
        ("SELECT now() AS t FROM batch", "volatile_function"),
        ("SELECT current_date AS t FROM batch", "volatile_function"),
        ("SELECT CURRENT_TIMESTAMP AS t FROM batch", "volatile_function"),
        ("SELECT n FROM batch WHERE random() < 0.5", "volatile_function"),
        ("SELECT uuid() AS u FROM batch", "volatile_function"),
        ("SELECT range(n) AS r FROM batch", "boundless_function"),
        ("SELECT repeat('x', n) AS r FROM batch", "boundless_function"),
        ("SELECT lpad('x', 1000000) AS r FROM batch", "boundless_function"),
        ("SELECT frobnicate(n) AS r FROM batch", "unknown_function"),
        ("SELECT n + 1 FROM batch", "unnamed_field"),
        ("SELECT address.zip FROM batch", "unnamed_field"),
    ] {
        let found = refused(query);
        assert!(
            found.iter().any(|fault| fault.starts_with(&format!("{code} query: "))),
            "{query}: {found:?}"
        );
    }
    assert_eq!(run("SELECT repeat('ab', 2) AS r FROM batch").batch.len(), 4);
}

#[test]
fn faults_are_all_told_with_their_place() {
    let query = "SELECT now() AS t,\n  sum(n) AS s, n + 1\nFROM batch ORDER BY n";
    let errors = etl_sdk::ProcessorConnector::configure(&Sql, &json!({ "query": query })).err().unwrap();
    let mut found: Vec<(&str, Option<&str>)> = errors
        .iter()
        .map(|error| (error.code, error.offset.map(|offset| &query[offset..offset + 3])))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("not_per_record", None),
            ("not_per_record", Some("sum")),
            ("unnamed_field", Some("n +")),
            ("volatile_function", Some("now")),
        ]
    );
    let errors = etl_sdk::ProcessorConnector::configure(&Sql, &json!({"query": "SELECT a\nFORM batch x"}));
    let error = &errors.err().unwrap()[0];
    assert_eq!((error.code, error.offset), ("syntax", Some("SELECT a\nFORM ".len())), "{error}");
    let deep = format!("SELECT {}1{} AS x FROM batch", "(".repeat(20_000), ")".repeat(20_000));
    assert!(refused(&deep)[0].starts_with("syntax query: "));
}

#[test]
fn the_descriptor_is_complete() {
    describes_itself(Sql);
    let processed =
        run("SELECT id, upper(firstName) AS country, n + n * id / 100 AS gross, unnest(tags) AS tag \
                         FROM batch WHERE n > 0 AND firstName IS NOT NULL");
    assert_eq!(ordinals(&processed), [10, 10, 40]);
}

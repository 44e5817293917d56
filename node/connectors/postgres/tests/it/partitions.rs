use std::collections::BTreeMap;

use etl_connector_postgres::PostgresSource;
use etl_model::PartitionId;
use etl_sdk::SourceConnector;
use serde_json::{Value, json};

use crate::reading::{LARGE, counts, database, discover, ids, pull, source};

/// Tables of 1,000 rows, `n` from 1 to 1,000, with keys of every kind.
const TABLES: &str = r#"
CREATE TABLE whole (k int PRIMARY KEY, n int); INSERT INTO whole SELECT i - 500, i FROM generate_series(1, 1000) i;
CREATE TABLE small (k smallint PRIMARY KEY, n int); INSERT INTO small SELECT i * -3, i FROM generate_series(1, 1000) i;
CREATE TABLE word_c (k text COLLATE "C" PRIMARY KEY, n int);
INSERT INTO word_c SELECT chr(64 + i % 60) || chr(98 + i % 7) || '''\' || i, i FROM generate_series(1, 1000) i;
CREATE TABLE word_en (k text COLLATE "en-x-icu" PRIMARY KEY, n int); INSERT INTO word_en SELECT k, n FROM word_c;
CREATE TABLE fixed (k char(9) PRIMARY KEY, n int); INSERT INTO fixed SELECT 'x' || i, i FROM generate_series(1, 1000) i;
CREATE TABLE id (k uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int); INSERT INTO id (n) SELECT generate_series(1, 1000);
CREATE TABLE moment (k timestamp PRIMARY KEY, n int);
INSERT INTO moment SELECT timestamp '1999-12-30' + i * interval '13:07:11.000001', i FROM generate_series(1, 998) i;
INSERT INTO moment VALUES ('infinity', 999), ('-infinity', 1000);
CREATE TABLE instant (k timestamptz PRIMARY KEY, n int); INSERT INTO instant SELECT k AT TIME ZONE 'Asia/Tokyo', n FROM moment;
CREATE TABLE day (k date PRIMARY KEY, n int); INSERT INTO day SELECT date '1900-01-01' + i * 99, i FROM generate_series(1, 1000) i;
CREATE TABLE amount (k numeric PRIMARY KEY, n int); INSERT INTO amount SELECT i / 7.0 - 50, i FROM generate_series(1, 999) i;
INSERT INTO amount VALUES ('NaN', 1000);
CREATE TABLE price (k numeric(9, 2) PRIMARY KEY, n int); INSERT INTO price SELECT i * 1.25 - 50, i FROM generate_series(1, 1000) i;
CREATE TABLE bytes (k bytea PRIMARY KEY, n int); INSERT INTO bytes SELECT sha256(i::text::bytea), i FROM generate_series(1, 1000) i;
CREATE TABLE span (k interval PRIMARY KEY, n int); INSERT INTO span SELECT i * interval '1 day -7 s', i FROM generate_series(1, 1000) i;
CREATE TABLE float (k float8 PRIMARY KEY, n int); INSERT INTO float SELECT (i - 500) / 3e-5::float8, i FROM generate_series(1, 1000) i;
CREATE TYPE mood AS ENUM ('zero', 'one', 'a "two"');
CREATE TABLE pair (k mood, l int, n int, PRIMARY KEY (k, l));
INSERT INTO pair SELECT (enum_range(NULL::mood))[1 + i % 3], i, i FROM generate_series(1, 1000) i;
CREATE TABLE triple (a bool, k text COLLATE "en-x-icu", c date, n int, PRIMARY KEY (c, k, a));
INSERT INTO triple SELECT i % 2 = 0, 'K' || i % 31, date '2024-01-01' + i % 50, i FROM generate_series(1, 1000) i;
CREATE TABLE span_text (k int4range PRIMARY KEY, n int);
INSERT INTO span_text SELECT int4range(i % 40, i % 40 + 1 + i), i FROM generate_series(1, 1000) i;
CREATE TABLE list (k int[] PRIMARY KEY, n int); INSERT INTO list SELECT ARRAY[i % 9, i], i FROM generate_series(1, 1000) i;
CREATE TABLE parted (k int PRIMARY KEY, n int) PARTITION BY RANGE (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (-1000) TO (0);
CREATE TABLE parted_2 PARTITION OF parted DEFAULT; INSERT INTO parted SELECT k, n FROM whole;
CREATE TABLE pages (n int, filler text); INSERT INTO pages SELECT i, repeat('x', 100) FROM generate_series(1, 1000) i;
CREATE VIEW seen AS SELECT k, n FROM whole;
CREATE MATERIALIZED VIEW kept AS SELECT n, k::text FROM whole;
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_of_every_kind_of_key_cover_every_row_once() {
    let database = database(TABLES);
    let expected: BTreeMap<String, usize> = (1..=1000).map(|n: i32| (n.to_string(), 1)).collect();
    for table in [
        "whole",
        "small",
        "word_c",
        "word_en",
        "fixed",
        "id",
        "moment",
        "instant",
        "day",
        "amount",
        "price",
        "bytes",
        "span",
        "float",
        "pair",
        "triple",
        "span_text",
        "list",
        "parted",
        "pages",
        "kept",
    ] {
        for partitions in [3, 7] {
            let config = json!({ "table": table, "partitions": partitions });
            let source = source(&database, config.clone());
            let found = discover(&source).await;
            assert!(found.len() >= 3 && found.len() <= partitions, "{config}: {found:?}");
            assert_eq!(counts(&source, "n").await, expected, "{config}");
        }
    }
    for config in [
        json!({ "table": "seen", "key": ["k"], "partitions": 4 }),
        json!({ "query": "SELECT * FROM word_en", "key": ["k"], "partitions": 4, "columns": ["n"] }),
        json!({ "query": "SELECT n, k FROM triple", "key": ["k", "n"], "partitions": 4 }),
        json!({ "table": "whole", "partitions": 4, "numeric": "text", "arrays": "text", "columns": ["n"] }),
        json!({ "table": "list", "partitions": 4, "arrays": "text" }),
        json!({ "table": "price", "partitions": 4, "numeric": "text" }),
    ] {
        let source = source(&database, config.clone());
        assert_eq!(discover(&source).await.len(), 4, "{config}");
        assert_eq!(counts(&source, "n").await, expected, "{config}");
    }
    // Only what the condition lets through is cut and read.
    let half = source(&database, json!({ "table": "word_en", "partitions": 3, "where": "n <= 500" }));
    assert_eq!(discover(&half).await.len(), 3);
    assert!(
        counts(&half, "n")
            .await
            .into_iter()
            .eq(expected.into_iter().filter(|(n, _)| n.parse::<i32>().unwrap() <= 500))
    );
}

/// Rows that are read with a range are between its bounds, so that ranges can be read by different processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_partitions_are_found_again_whatever_the_table_has_become() {
    let database = database(TABLES);
    for table in ["whole", "word_en", "triple", "pages", "id"] {
        let config = json!({ "table": table, "partitions": 5 });
        let first = discover(&source(&database, config.clone())).await;
        let again = discover(&source(&database, config.clone())).await;
        assert_eq!(first, again, "{table}: an unchanged table is cut the same way");
        database.psql(&format!("DELETE FROM {table} WHERE n % 3 = 0")).unwrap();
        if table == "whole" {
            database.psql("INSERT INTO whole SELECT i, i FROM generate_series(600, 5000) i").unwrap();
        }
        let known = ids(&first);
        let source = source(&database, json!({ "table": table }));
        let found = source.discover(&known).await.unwrap().partitions;
        assert_eq!(ids(&found), known, "{table}");
        let mut rows = 0;
        for partition in &found {
            let mut reader = source.read(partition, None, &LARGE).await.unwrap();
            rows += pull(reader.as_mut(), usize::MAX).await.unwrap().rows().len();
        }
        assert_eq!(
            rows.to_string(),
            database.psql(&format!("SELECT count(*) FROM {table}")).unwrap(),
            "{table}"
        );
    }
    let whole = source(&database, json!({ "table": "whole", "partitions": 3 }));
    let known = ids(&discover(&whole).await);
    for bad in [
        vec![known[0].clone()],
        vec![known[0].clone(), known[2].clone()],
        vec![PartitionId("other".to_owned())],
    ] {
        let error = whole.discover(&bad).await.unwrap_err();
        assert_eq!((error.code(), error.help().is_some()), ("source_changed", true), "{bad:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_partitions_see_one_snapshot() {
    let database = database(TABLES);
    for table in ["whole", "id", "pages"] {
        let source = source(&database, json!({ "table": table, "partitions": 3 }));
        let partitions = discover(&source).await;
        let count = async |i: usize| {
            let mut reader = source.read(&partitions[i], None, &LARGE).await.unwrap();
            pull(reader.as_mut(), usize::MAX).await.unwrap().rows().len()
        };
        let before = count(0).await;
        let key = if table == "pages" { String::new() } else { "k, ".to_owned() };
        let values = match table {
            "whole" => {
                "SELECT i, 7 FROM generate_series(1000, 1100) i UNION ALL SELECT i, 7 FROM generate_series(-1100, -1000) i"
            }
            "id" => "SELECT gen_random_uuid(), 7 FROM generate_series(1, 500)",
            _ => "SELECT 7 FROM generate_series(1, 500)",
        };
        database
            .psql(&format!("INSERT INTO {table} ({key}n) {values}; DELETE FROM {table} WHERE n = 500"))
            .unwrap();
        let again = count(0).await;
        assert_eq!((before, before + count(1).await + count(2).await), (again, 1000), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_was_lost_is_taken_anew() {
    let database = database(TABLES);
    let source = source(&database, json!({ "table": "whole" }));
    let partition = discover(&source).await.remove(0);
    let ended = database
        .psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'actix-etl holds a snapshot' AND datname = current_database()")
        .unwrap();
    assert_eq!(ended, "1");
    let mut attempts = 0;
    let rows = loop {
        attempts += 1;
        let mut reader = source.read(&partition, None, &LARGE).await.unwrap();
        match pull(reader.as_mut(), usize::MAX).await {
            Ok(read) => break read.rows().len(),
            Err(error) => assert!(attempts < 3 && error.code() == "snapshot_gone", "{error}"),
        }
    };
    assert_eq!(rows, 1000);
}

#[test]
fn a_number_of_partitions_must_be_one() {
    let config =
        |partitions: Value| json!({ "url": "postgres://u@h/d", "table": "t", "partitions": partitions });
    for bad in [json!(0), json!(-1), json!(70_000), json!("x")] {
        assert!(PostgresSource.configure(&config(bad.clone())).is_err(), "{bad}");
    }
}

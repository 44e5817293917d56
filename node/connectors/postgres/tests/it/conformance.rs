use std::sync::Arc;

use etl_connector_postgres::{PostgresDestination, PostgresSource};
use etl_sdk::conformance::{self, Site};
use etl_sdk::{DestinationConnector, SourceConnector};
use etl_test_services::PostgresServer;
use serde_json::{Value, json};

use crate::reading::{self, database};
use crate::writing;

#[test]
fn the_descriptors_are_complete() {
    conformance::descriptor(&PostgresSource.descriptor()).unwrap();
    conformance::descriptor(&PostgresDestination.descriptor()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_of_every_kind_keep_the_contract() {
    // Of its own: transactions of other tests that are open would keep a table without key from being continued.
    let server = PostgresServer::start().unwrap();
    let database = server.fresh_database().unwrap();
    let prepared = database.psql(
        "CREATE TABLE plain (a text, b int);
         INSERT INTO plain SELECT 'row ' || i, i FROM generate_series(1, 60) i;
         DELETE FROM plain WHERE b % 7 = 0;
         CREATE TABLE narrow (b int) WITH (fillfactor = 10); INSERT INTO narrow SELECT generate_series(1, 2000);
         CREATE TABLE keyed (id bigint PRIMARY KEY, v float8, d date);
         INSERT INTO keyed SELECT i * i - 900, i / 4.0, date '2024-01-01' + i FROM generate_series(1, 60) i;
         CREATE TABLE compound (t text COLLATE \"en-x-icu\", n numeric, u uuid DEFAULT gen_random_uuid(),
           PRIMARY KEY (t, n, u));
         INSERT INTO compound (t, n) SELECT 'é''' || (i % 4), i / 3.0 FROM generate_series(1, 60) i;
         CREATE VIEW seen AS SELECT id, v FROM keyed;",
    );
    prepared.unwrap();
    for config in [
        json!({ "table": "plain" }),
        json!({ "table": "narrow" }),
        json!({ "table": "narrow", "partitions": 3 }),
        json!({ "table": "plain", "columns": ["b"], "where": "b > 2" }),
        json!({ "table": "keyed" }),
        json!({ "table": "keyed", "partitions": 3 }),
        json!({ "table": "compound" }),
        json!({ "table": "compound", "partitions": 4 }),
        json!({ "table": "seen", "key": ["id"] }),
        json!({ "query": "SELECT k.id, p.b FROM keyed k, plain p WHERE p.b = 5 -- end", "key": ["id"], "partitions": 3 }),
        json!({ "query": "SELECT * FROM compound;", "key": ["n", "t", "u"] }),
    ] {
        let report = conformance::source(|| reading::source(&database, config.clone())).await;
        let report = report.unwrap_or_else(|violation| panic!("{config}: {violation}"));
        assert!(report.records >= 50 && report.replays > 10, "{config}: {report:?}");
        let wanted = config.get("partitions").and_then(Value::as_u64).unwrap_or(1);
        assert_eq!(report.partitions as u64, wanted, "{config}");
    }
    let once = json!({ "query": "SELECT * FROM keyed" });
    let report = conformance::source(|| reading::source(&database, once.clone())).await.unwrap();
    assert_eq!((report.partitions, report.records, report.replays), (1, 60, 0));
}

/// A new database, prepared with these statements.
fn site(config: &Value, prepare: &str) -> Site {
    let database = Arc::new(database(prepare));
    let mut config = config.clone();
    config["table"] = json!("target");
    let read = database.clone();
    Site::new(
        move || writing::destination(&database, config.clone()),
        move || {
            let sql = "SELECT coalesce(json_agg(t), '[]') FROM target t";
            match read.psql("SELECT to_regclass('target') IS NULL").unwrap().as_str() {
                "t" => Vec::new(),
                _ => serde_json::from_str(&read.psql(sql).unwrap()).unwrap(),
            }
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn append_keeps_the_contract() {
    conformance::destination(|| site(&json!({}), "")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn append_to_an_existing_table_keeps_the_contract() {
    let table =
        "CREATE TABLE target (name text NOT NULL, id bigint UNIQUE, score float8, extra text DEFAULT 'x')";
    conformance::destination(|| site(&json!({}), table)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upsert_keeps_the_contract() {
    conformance::destination(|| site(&json!({ "mode": "upsert", "key": ["id"] }), "")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replace_keeps_the_contract() {
    conformance::destination(|| site(&json!({ "mode": "replace" }), "")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_an_existing_table_keeps_the_contract() {
    let table = "CREATE TABLE target (id bigint PRIMARY KEY, name text NOT NULL UNIQUE, score float8,
                   serial int GENERATED ALWAYS AS IDENTITY, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
                 INSERT INTO target (id, name) VALUES (100000, 'old');";
    conformance::destination(|| site(&json!({ "mode": "replace" }), table)).await.unwrap();
}

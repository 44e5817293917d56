#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use etl_connector_sqlite::SqliteDestination;
use etl_sdk::DestinationConnector;
use etl_sdk::conformance::{self, Site};
use rusqlite::Connection;
use serde_json::{Value, json};

fn rows(path: &Path) -> Vec<Value> {
    let connection = Connection::open(path).unwrap();
    let Ok(mut statement) = connection.prepare("SELECT id, name, score FROM target") else {
        return Vec::new();
    };
    let rows = statement.query_map([], |row| {
        Ok(json!({
            "id": row.get::<_, i64>(0)?,
            "name": row.get::<_, String>(1)?,
            "score": row.get::<_, Option<f64>>(2)?,
        }))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// A fresh database, prepared with these statements.
fn site(config: &Value, prepare: &str) -> Site {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let path = dir.path().join("it's a \"database\".db");
    if !prepare.is_empty() {
        Connection::open(&path).unwrap().execute_batch(prepare).unwrap();
    }
    let mut config = config.clone();
    config["path"] = json!(path);
    config["table"] = json!("target");
    Site::new(
        move || SqliteDestination.configure(&config).unwrap(),
        move || {
            let _keep = &dir;
            rows(&path)
        },
    )
}

#[test]
fn the_descriptor_is_complete() {
    conformance::descriptor(&SqliteDestination.descriptor()).unwrap();
}

#[tokio::test]
async fn append_keeps_the_contract() {
    conformance::destination(|| site(&json!({}), "")).await.unwrap();
}

#[tokio::test]
async fn append_to_an_existing_table_keeps_the_contract() {
    let table =
        "CREATE TABLE target (name TEXT NOT NULL, id BIGINT UNIQUE, score DOUBLE, extra TEXT DEFAULT 'x')";
    conformance::destination(|| site(&json!({}), table)).await.unwrap();
}

#[tokio::test]
async fn upsert_keeps_the_contract() {
    conformance::destination(|| site(&json!({ "mode": "upsert", "key": ["id"] }), "")).await.unwrap();
}

#[tokio::test]
async fn replace_keeps_the_contract() {
    conformance::destination(|| site(&json!({ "mode": "replace" }), "")).await.unwrap();
}

#[tokio::test]
async fn replacing_an_existing_table_keeps_the_contract() {
    let table =
        "CREATE TABLE target (id INTEGER PRIMARY KEY, name TEXT NOT NULL, score REAL, twice AS (id * 2));
                 CREATE UNIQUE INDEX names ON target (name);
                 INSERT INTO target VALUES (100000, 'old', 1);";
    conformance::destination(|| site(&json!({ "mode": "replace" }), table)).await.unwrap();
}

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etl_connector_sqlite::SqliteSource;
use etl_model::{Batch, Position, RecordError, is_json};
use etl_sdk::conformance::{self, SourceReport};
use etl_sdk::{ConnectorError, Fetched, ReadOptions, Source, SourceConnector};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

const OPTIONS: ReadOptions = ReadOptions { chunk_bytes: 1, max_record_bytes: 1 << 16 };

struct Database {
    _dir: TempDir,
    path: PathBuf,
}

impl Database {
    fn with(sql: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("source.db");
        let database = Self { _dir: dir, path };
        database.execute(sql);
        database
    }

    fn execute(&self, sql: &str) {
        Connection::open(&self.path).unwrap().execute_batch(sql).unwrap();
    }

    fn source(&self, config: Value) -> Arc<dyn Source> {
        configure(&self.path, config)
    }
}

fn configure(path: &Path, mut config: Value) -> Arc<dyn Source> {
    config["path"] = json!(path);
    SqliteSource.configure(&config).unwrap()
}

/// Reads up to a number of chunks from a position.
async fn read(
    source: &Arc<dyn Source>,
    from: Option<&Position>,
    chunks: usize,
) -> Result<(Vec<Batch>, Vec<RecordError>, Position), ConnectorError> {
    let partition = source.discover(&[]).await?.partitions.remove(0);
    let mut reader = source.read(&partition, from, &OPTIONS).await?;
    let (mut batches, mut errors, mut position) = (Vec::new(), Vec::new(), Position::start());
    for _ in 0..chunks {
        match reader.next().await? {
            Fetched::Chunk(chunk) => {
                position = chunk.end();
                let decoded = chunk.decode()?;
                batches.extend(decoded.batches);
                errors.extend(decoded.errors);
            }
            Fetched::End(end) => return Ok((batches, errors, end)),
            Fetched::Idle(_) => panic!("a database has its rows at once"),
        }
    }
    Ok((batches, errors, position))
}

async fn failure(source: &Arc<dyn Source>, from: Option<&Position>) -> ConnectorError {
    read(source, from, usize::MAX).await.map(drop).unwrap_err()
}

fn rows(batches: &[Batch]) -> Vec<Value> {
    let mut writer = arrow::json::ArrayWriter::new(Vec::new());
    batches.iter().for_each(|batch| writer.write(batch.records()).unwrap());
    writer.finish().unwrap();
    serde_json::from_slice(&writer.into_inner()).unwrap()
}

const SERIES: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) ";

#[test]
fn the_descriptor_is_complete() {
    conformance::descriptor(&SqliteSource.descriptor()).unwrap();
}

#[tokio::test]
async fn tables_of_every_kind_keep_the_contract() {
    let database = Database::with(&format!(
        "CREATE TABLE plain (a, b TEXT);
         {SERIES} INSERT INTO plain SELECT CASE i % 3 WHEN 0 THEN 'x' ELSE i END, 'row ' || i FROM n;
         DELETE FROM plain WHERE rowid % 7 = 0;
         INSERT INTO plain (rowid, a) VALUES (-5, 1), (-9223372036854775808, 2), (9223372036854775806, 3);
         CREATE TABLE keyed (id INTEGER PRIMARY KEY, v REAL NOT NULL, bad INTEGER);
         {SERIES} INSERT INTO keyed SELECT i * i, i / 4.0, CASE i % 10 WHEN 0 THEN 'bad' ELSE i END FROM n;
         CREATE TABLE compound (t TEXT, n INT, v BLOB, PRIMARY KEY (t, n)) WITHOUT ROWID;
         {SERIES} INSERT INTO compound SELECT 'é''' || (i % 4), i, randomblob(9) FROM n;
         CREATE TABLE hidden (rowid TEXT, oid TEXT, _rowid_ TEXT, id INTEGER PRIMARY KEY);
         {SERIES} INSERT INTO hidden SELECT i, i, i, i FROM n;
         CREATE VIEW seen AS SELECT id, v FROM keyed;"
    ));
    for (config, errors) in [
        (json!({ "table": "plain" }), 0),
        (json!({ "table": "PLAIN", "columns": ["b"] }), 0),
        (json!({ "table": "keyed" }), 6),
        (json!({ "table": "compound" }), 0),
        (json!({ "table": "hidden" }), 0),
        (json!({ "table": "seen", "key": ["id"] }), 0),
        (
            json!({ "query": "SELECT i.id, j.b FROM keyed i, plain j WHERE j.rowid = 5 -- end", "key": ["id"] }),
            0,
        ),
        (json!({ "query": "SELECT * FROM compound;", "key": ["n", "t"] }), 0),
    ] {
        let report = conformance::source(|| database.source(config.clone())).await;
        let report = report.unwrap_or_else(|violation| panic!("{config}: {violation}"));
        assert!(report.records > 50 && report.replays > 20, "{config}: {report:?}");
        let (_, found, _) = read(&database.source(config.clone()), None, usize::MAX).await.unwrap();
        assert_eq!(found.len(), errors, "{config}: {found:?}");
    }
    let once = json!({ "query": "SELECT * FROM keyed" });
    let report = conformance::source(|| database.source(once.clone())).await.unwrap();
    assert_eq!(report, SourceReport { partitions: 1, records: 60, replays: 0 });
}

#[tokio::test]
async fn values_keep_their_types() {
    let database = Database::with(
        "CREATE TABLE t (i BIGINT, r REAL, s VARCHAR, b BLOB, f BOOLEAN, j JSON, d DATE, x);
         INSERT INTO t VALUES (-9223372036854775808, 0.1, 'a''é', x'00ff', 1, '{\"k\": [1]}', '2024-02-29', 'one');
         INSERT INTO t VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
         INSERT INTO t VALUES (1, 2, '', x'', 0, 5, '', 2);",
    );
    let (batches, errors, _) =
        read(&database.source(json!({ "table": "t" })), None, usize::MAX).await.unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    let one = json!({
        "i": i64::MIN, "r": 0.1, "s": "a'é", "b": "00ff", "f": true, "j": "{\"k\": [1]}", "d": "2024-02-29",
        "x": "\"one\""
    });
    let three = json!({ "i": 1, "r": 2.0, "s": "", "b": "", "f": false, "j": "5", "d": "", "x": "2" });
    assert_eq!(rows(&batches), [one, json!({}), three]);
    let schema = batches[0].schema();
    assert!(is_json(schema.field(5)) && is_json(schema.field(7)) && !is_json(schema.field(2)));
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_a_record_error_that_names_it() {
    let database = Database::with(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, s TEXT, j JSON, f REAL, b BOOL);
         INSERT INTO t VALUES (1, 1, 'a', '{}', 1, 1), (2, 'many', 'b', '[]', 1, 1),
           (3, 3, CAST(x'ff' AS TEXT), '1', 1, 1), (4, 4, 'd', '{oops', 1, 1), (5, 5, 'e', '{}', 'x', 1),
           (6, 6, 'f', '{}', 1, 1), (7, 7, 'g', x'00', 1, 0), (8, 1.5, 'h', '{}', 1, 1);",
    );
    let (batches, errors, _) =
        read(&database.source(json!({ "table": "t" })), None, usize::MAX).await.unwrap();
    let ids: Vec<_> = rows(&batches).iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [1, 6]);
    let found: Vec<_> = errors
        .iter()
        .map(|e| (e.ordinal ^ (1 << 63), e.code.as_str(), e.field.as_deref().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            (2, "type_mismatch", "n"),
            (3, "invalid_utf8", "s"),
            (4, "invalid_json", "j"),
            (5, "type_mismatch", "f"),
            (7, "type_mismatch", "j"),
            (8, "type_mismatch", "n"),
        ]
    );
    assert!(
        errors[0].message.contains("row id 2") && errors[0].message.contains("`many`"),
        "{}",
        errors[0].message
    );
    assert_eq!(errors[0].record["n"], "many");
}

#[tokio::test]
async fn a_changed_table_is_refused() {
    let database = Database::with(
        "CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('1'), ('2'), ('3');
         CREATE TABLE k (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO k VALUES (1, 'a'), (2, 'b'), (3, 'c');",
    );
    let (plain, keyed) = (database.source(json!({ "table": "t" })), database.source(json!({ "table": "k" })));
    let (_, _, at_plain) = read(&plain, None, 2).await.unwrap();
    let (_, _, at_keyed) = read(&keyed, None, 2).await.unwrap();

    database.execute("UPDATE k SET a = 'changed' WHERE id = 2; INSERT INTO t VALUES ('4')");
    assert_eq!(
        rows(&read(&keyed, Some(&at_keyed), usize::MAX).await.unwrap().0),
        [json!({ "id": 3, "a": "c" })]
    );
    assert_eq!(read(&plain, Some(&at_plain), usize::MAX).await.unwrap().0.len(), 2);

    database.execute("DELETE FROM t WHERE a = '1'; VACUUM;");
    assert_eq!(failure(&plain, Some(&at_plain)).await.code(), "source_changed");
    database.execute("ALTER TABLE k ADD COLUMN b INT");
    assert_eq!(failure(&keyed, Some(&at_keyed)).await.code(), "source_changed");
    let foreign = Position { next: 3, cursor: json!({ "line": 5 }) };
    assert_eq!(failure(&keyed, Some(&foreign)).await.code(), "source_changed");
}

#[tokio::test]
async fn keys_that_cannot_order_rows_are_refused() {
    let database = Database::with(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, k, big TEXT);
         INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 2, 'z');
         CREATE TABLE n (k); INSERT INTO n VALUES (NULL), (1);
         CREATE TABLE f (k); INSERT INTO f VALUES (1.5);
         CREATE TABLE far (a); INSERT INTO far (rowid, a) VALUES (9223372036854775807, 1);
         CREATE VIEW v AS SELECT 1 AS one;",
    );
    for (config, code) in [
        (json!({ "table": "t", "key": ["k"] }), "key_not_unique"),
        (json!({ "table": "n", "key": ["k"] }), "key_unfit"),
        (json!({ "table": "f", "key": ["k"] }), "key_unfit"),
        (json!({ "table": "far" }), "row_id_too_large"),
        (json!({ "table": "v" }), "key_needed"),
        (json!({ "table": "nope" }), "table_missing"),
        (json!({ "query": "DELETE FROM t" }), "invalid_query"),
        (json!({ "query": "SELECT 1) --" }), "invalid_query"),
        (json!({ "query": "SELECT ? AS a" }), "invalid_query"),
        (json!({ "query": "SELECT 1 AS a; SELECT 2 AS a" }), "invalid_query"),
        (json!({ "query": "PRAGMA user_version" }), "invalid_query"),
        (json!({ "query": "SELECT * FROM t", "key": ["nope"] }), "column_missing"),
        (json!({ "table": "t", "columns": ["id", "nope"] }), "column_missing"),
        (json!({ "query": "SELECT 1 AS a, 2 AS A" }), "duplicate_column"),
    ] {
        assert_eq!(failure(&database.source(config.clone()), None).await.code(), code, "{config}");
    }
    // The second row of a key is also noticed when the first was the last before the interruption.
    let twice = database.source(json!({ "table": "t", "key": ["k"] }));
    let (_, _, position) = read(&twice, None, 2).await.unwrap();
    assert_eq!(failure(&twice, Some(&position)).await.code(), "key_not_unique");
    // A row of that key which is gone is not missed.
    database.execute("DELETE FROM t WHERE k = 2; INSERT INTO t VALUES (4, 5, 'w')");
    assert_eq!(rows(&read(&twice, Some(&position), usize::MAX).await.unwrap().0).len(), 1);
}

#[tokio::test]
async fn large_records_and_broken_files_are_refused() {
    let database = Database::with("CREATE TABLE t (a TEXT); INSERT INTO t VALUES (hex(zeroblob(40000)))");
    assert_eq!(failure(&database.source(json!({ "table": "t" })), None).await.code(), "record_too_large");

    let missing = configure(&database.path.with_file_name("missing.db"), json!({ "table": "t" }));
    assert_eq!(failure(&missing, None).await.code(), "sqlite_cannot_open");
    assert!(!database.path.with_file_name("missing.db").exists());
    let text = database.path.with_file_name("text.db");
    std::fs::write(&text, "id,name\n".repeat(200)).unwrap();
    let text = configure(&text, json!({ "table": "t" }));
    assert_eq!(failure(&text, None).await.code(), "not_a_database");
}

#[tokio::test]
async fn rows_added_while_reading_belong_to_the_next_run() {
    let database = Database::with("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2), (3)");
    let source = database.source(json!({ "table": "t" }));
    let partition = source.discover(&[]).await.unwrap().partitions.remove(0);
    let mut reader = source.read(&partition, None, &OPTIONS).await.unwrap();
    database.execute("INSERT INTO t VALUES (4)");
    let mut records = 0;
    let end = loop {
        match reader.next().await.unwrap() {
            Fetched::Chunk(chunk) => records += chunk.decode().unwrap().batches[0].len(),
            Fetched::End(end) => break end,
            Fetched::Idle(_) => panic!("a database has its rows at once"),
        }
    };
    assert_eq!(records, 3);
    assert_eq!(rows(&read(&source, Some(&end), usize::MAX).await.unwrap().0), [json!({ "a": 4 })]);
}

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int8Array, Int64Array, LargeStringArray, ListArray, NullArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{Float64Type, Int32Type};
use etl_connector_sqlite::SqliteDestination;
use etl_model::{Batch, Claim, Marker, PartitionId, RecordError, Route, RunId, StepName, Unit, WorkflowName};
use etl_sdk::{ConnectorError, Destination, DestinationConnector, RouteWriter, RunContext};
use rusqlite::Connection;
use rusqlite::types::Value as Stored;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Database {
    _dir: TempDir,
    path: PathBuf,
}

impl Database {
    fn with(sql: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("target.db");
        let database = Self { _dir: dir, path };
        database.execute(sql);
        database
    }

    fn execute(&self, sql: &str) {
        Connection::open(&self.path).unwrap().execute_batch(sql).unwrap();
    }

    fn query(&self, sql: &str) -> Vec<Vec<Stored>> {
        let connection = Connection::open(&self.path).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|i| row.get(i)).collect());
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn destination(&self, config: Value) -> Arc<dyn Destination> {
        let mut config = config;
        config["path"] = json!(self.path);
        SqliteDestination.configure(&config).unwrap()
    }
}

fn context() -> RunContext {
    RunContext { workflow: WorkflowName::new("tests").unwrap(), run: RunId::generate() }
}

fn route(context: &RunContext) -> Route {
    Route {
        workflow: context.workflow.clone(),
        source: StepName::new("source").unwrap(),
        partition: PartitionId("p".to_owned()),
        destination: StepName::new("target").unwrap(),
        shard: None,
    }
}

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> Batch {
    let rows = columns[0].1.len() as u64;
    let records =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true)));
    Batch::new(records.unwrap(), UInt64Array::from_iter_values(100..100 + rows)).unwrap()
}

fn integers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

async fn writer(destination: &Arc<dyn Destination>, context: &RunContext) -> (Box<dyn RouteWriter>, Marker) {
    let mut writer = destination.open(context, &route(context), 0).await.unwrap();
    let claim = Claim { run: context.run, epoch: 1, start: None, replaces: Vec::new() };
    let marker = writer.fence(&claim).await.unwrap();
    (writer, marker)
}

/// Writes the batches as one run of one unit and completes it; returns all refused rows.
async fn run(
    destination: &Arc<dyn Destination>,
    batches: Vec<Batch>,
) -> Result<Vec<RecordError>, ConnectorError> {
    let context = context();
    destination.check(&context).await?;
    let mut writer = destination.open(&context, &route(&context), 0).await?;
    let previous = writer.marker().await?;
    let replaces = previous.iter().map(|marker| marker.run).collect();
    let epoch = previous.map_or(1, |marker| marker.epoch + 1);
    let marker = writer.fence(&Claim { run: context.run, epoch, start: None, replaces }).await?;
    let mut errors = Vec::new();
    for batch in batches {
        let mut encoded = destination.encoder().encode(batch)?;
        errors.append(&mut encoded.errors);
        writer.write(encoded).await?;
    }
    let unit = Unit { marker: Marker { seq: marker.seq + 1, done: true, ..marker } };
    errors.extend(writer.stage(&unit).await?);
    writer.commit(&unit).await?;
    drop(writer);
    destination.complete(&context, &[route(&context)]).await?;
    Ok(errors)
}

#[tokio::test]
async fn every_type_is_stored_in_its_form() {
    let database = Database::with("");
    let json_type = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())]);
    let mut rows = batch([
        ("tiny", Arc::new(Int8Array::from(vec![-5])) as ArrayRef),
        ("unsigned", Arc::new(UInt64Array::from(vec![i64::MAX as u64]))),
        ("single", Arc::new(Float32Array::from(vec![0.5]))),
        ("infinite", Arc::new(Float64Array::from(vec![f64::INFINITY]))),
        ("flag", Arc::new(BooleanArray::from(vec![true]))),
        ("large", Arc::new(LargeStringArray::from(vec!["é\0x"]))),
        ("word", Arc::new(DictionaryArray::<Int32Type>::from_iter(["a"]))),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..]]))),
        ("day", Arc::new(Date32Array::from(vec![19_782]))),
        (
            "instant",
            Arc::new(TimestampMicrosecondArray::from(vec![1_500_000]).with_timezone("Europe/Berlin")),
        ),
        ("local", Arc::new(TimestampSecondArray::from(vec![-1]))),
        ("price", Arc::new(Decimal128Array::from(vec![110]).with_precision_and_scale(9, 2).unwrap())),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(1.5), None])])),
        ),
        ("doc", texts(&["1.10"])),
        ("void", Arc::new(NullArray::new(1))),
    ]);
    let mut fields: Vec<_> = rows.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    fields[13] = fields[13].clone().with_metadata(json_type);
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let records = RecordBatch::try_new(schema, rows.records().columns().to_vec()).unwrap();
    rows = rows.with_records(records).unwrap();

    let errors = run(&database.destination(json!({ "table": "t" })), vec![rows]).await.unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    let text = |text: &str| Stored::Text(text.to_owned());
    assert_eq!(
        database.query("SELECT * FROM t"),
        [vec![
            Stored::Integer(-5),
            Stored::Integer(i64::MAX),
            Stored::Real(0.5),
            Stored::Real(f64::INFINITY),
            Stored::Integer(1),
            text("é\0x"),
            text("a"),
            Stored::Blob(vec![0, 255]),
            text("2024-02-29"),
            text("1970-01-01T00:00:01.500Z"),
            text("1969-12-31T23:59:59"),
            text("1.10"),
            text("[1.5,null]"),
            text("1.10"),
            Stored::Null,
        ]]
    );
}

#[tokio::test]
async fn what_sqlite_cannot_hold_is_rejected_alone() {
    let database = Database::with("");
    let rows = batch([
        ("id", integers(&[0, 1, 2, 3])),
        ("u", Arc::new(UInt64Array::from(vec![0, u64::MAX, 2, 3])) as ArrayRef),
        ("f", Arc::new(Float64Array::from(vec![0.0, f64::NAN, f64::NAN, 3.0]))),
    ]);
    let errors = run(&database.destination(json!({ "table": "t" })), vec![rows]).await.unwrap();
    let found: Vec<_> =
        errors.iter().map(|e| (e.ordinal, e.code.as_str(), e.field.as_deref().unwrap())).collect();
    assert_eq!(found, [(101, "integer_too_large", "u"), (102, "not_a_number", "f")]);
    assert_eq!(errors[0].record, json!({ "id": 1, "u": "18446744073709551615", "f": "NaN" }));
    assert_eq!(errors[1].record, json!({ "id": 2, "u": 2, "f": "NaN" }));
    assert_eq!(database.query("SELECT id FROM t"), [[Stored::Integer(0)], [Stored::Integer(3)]]);
    let nested = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(f64::NAN)]), None]);
    let nested = batch([("id", integers(&[7, 8])), ("f", Arc::new(nested) as ArrayRef)]);
    let errors = run(&database.destination(json!({ "table": "n" })), vec![nested]).await.unwrap();
    assert_eq!((errors.len(), errors[0].code.as_str()), (1, "not_a_number"));
}

#[tokio::test]
async fn rows_that_break_a_constraint_are_rolled_back_alone() {
    let database = Database::with(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, name TEXT NOT NULL ON CONFLICT IGNORE UNIQUE,
           parent INTEGER REFERENCES parent, n INTEGER CHECK (n < 1000));
         INSERT INTO t VALUES (5000, 'kept', 1, 0);",
    );
    // Enough rows for shared statements, one fault in each of several groups.
    let ids: Vec<i64> = (0..1000).map(|i| if i == 300 { 5000 } else { i }).collect();
    let names: Vec<Option<String>> = (0..1000)
        .map(|i| (i != 500).then(|| if i == 400 { "kept".into() } else { format!("n{i}") }))
        .collect();
    let parents: Vec<i64> = (0..1000).map(|i| if i == 600 { 2 } else { 1 }).collect();
    let numbers: Vec<i64> = (0..1000).map(|i| if i == 999 { 1000 } else { i }).collect();
    let rows = batch([
        ("id", integers(&ids)),
        ("name", Arc::new(StringArray::from(names)) as ArrayRef),
        ("parent", integers(&parents)),
        ("n", integers(&numbers)),
    ]);
    let errors = run(&database.destination(json!({ "table": "t" })), vec![rows]).await.unwrap();
    let found: Vec<_> =
        errors.iter().map(|e| (e.ordinal - 100, e.code.as_str(), e.field.as_deref())).collect();
    assert_eq!(
        found,
        [
            (300, "constraint_primary_key", Some("id")),
            (400, "constraint_unique", Some("name")),
            (500, "constraint_not_null", Some("name")),
            (600, "constraint_foreign_key", None),
            (999, "constraint_check", None),
        ]
    );
    assert!(
        errors[1].message.contains("t.name") && errors[1].message.contains("\"kept\""),
        "{}",
        errors[1].message
    );
    assert_eq!(errors[0].record["name"], "n300");
    assert_eq!(database.query("SELECT count(*) FROM t"), [[Stored::Integer(996)]]);
    assert_eq!(database.query("SELECT name FROM t WHERE id = 5000"), [[Stored::Text("kept".to_owned())]]);
}

#[tokio::test]
async fn triggers_that_leave_rows_out_or_refuse_them_are_seen() {
    let database = Database::with(
        "CREATE TABLE t (id INT);
         CREATE TRIGGER skip BEFORE INSERT ON t WHEN new.id = 1 BEGIN SELECT RAISE(IGNORE); END;
         CREATE TRIGGER stop BEFORE INSERT ON t WHEN new.id = 2 BEGIN SELECT RAISE(ABORT, 'no twos'); END;
         CREATE TRIGGER undo BEFORE INSERT ON t WHEN new.id = 9 BEGIN SELECT RAISE(ROLLBACK, 'gone'); END;",
    );
    let destination = database.destination(json!({ "table": "t" }));
    let errors = run(&destination, vec![batch([("id", integers(&[0, 1, 2, 3]))])]).await.unwrap();
    let codes: Vec<_> = errors.iter().map(|error| error.code.as_str()).collect();
    assert_eq!(codes, ["skipped_by_trigger", "constraint_trigger"]);
    assert!(errors[1].message.contains("no twos"));
    let error = run(&destination, vec![batch([("id", integers(&[4, 9, 5]))])]).await.unwrap_err();
    assert_eq!(error.code(), "transaction_rolled_back");
    assert_eq!(database.query("SELECT id FROM t"), [[Stored::Integer(0)], [Stored::Integer(3)]]);
}

#[tokio::test]
async fn values_that_a_column_would_change_are_not_written() {
    let database = Database::with("CREATE TABLE t (r REAL, n NUMERIC, s TEXT, i INTEGER)");
    let destination = database.destination(json!({ "table": "t" }));
    let rows = batch([
        ("r", integers(&[1, (1 << 53) + 1, i64::MAX, 4])),
        ("n", texts(&["2024-01-01", "x", "y", "00123"])),
    ]);
    let errors = run(&destination, vec![rows]).await.unwrap();
    let found: Vec<_> = errors.iter().map(|e| (e.ordinal - 100, e.code.as_str())).collect();
    assert_eq!(found, [(1, "inexact_number"), (2, "inexact_number"), (3, "text_as_number")]);
    assert_eq!(database.query("SELECT r, n FROM t").len(), 1);

    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.1]));
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    for (column, values) in [("s", floats), ("s", flags), ("i", texts(&["5"])), ("r", texts(&["5"]))] {
        let error = run(&destination, vec![batch([(column, values)])]).await.unwrap_err();
        assert_eq!(error.code(), "column_type", "{column}: {error}");
        assert!(error.to_string().contains(&format!("`{column}`")), "{error}");
    }
}

#[tokio::test]
async fn a_table_that_does_not_fit_is_named_before_the_first_row() {
    let database = Database::with(
        "CREATE TABLE t (id INTEGER NOT NULL, must TEXT NOT NULL, twice AS (id * 2));
         CREATE VIEW v AS SELECT 1 AS id; CREATE TABLE u (id INT, day TEXT, UNIQUE (id, day));",
    );
    let one = || batch([("id", integers(&[1]))]);
    for (config, rows, code, named) in [
        (
            json!({ "table": "t" }),
            batch([("id", integers(&[1])), ("oops", integers(&[1]))]),
            "column_missing",
            "oops",
        ),
        (json!({ "table": "t" }), one(), "column_required", "must"),
        (json!({ "table": "t" }), batch([("twice", integers(&[1]))]), "column_generated", "twice"),
        (
            json!({ "table": "t" }),
            batch([("ID", integers(&[1])), ("id", integers(&[1]))]),
            "duplicate_column",
            "ID",
        ),
        (json!({ "table": "v" }), one(), "not_a_table", "`v`"),
        (json!({ "table": "w", "create": false }), one(), "table_missing", "t, u"),
        (json!({ "table": "u", "mode": "upsert", "key": ["id"] }), one(), "key_not_unique", "`u`"),
        (json!({ "table": "u", "mode": "upsert", "key": ["nope"] }), one(), "key_missing", "nope"),
        (json!({ "table": "new", "mode": "upsert", "key": ["nope"] }), one(), "key_missing", "nope"),
        (json!({ "table": "u", "mode": "upsert", "key": ["id", "day"] }), one(), "key_missing", "day"),
    ] {
        let error = run(&database.destination(config.clone()), vec![rows]).await.unwrap_err();
        assert_eq!(error.code(), code, "{config}: {error}");
        assert!(error.to_string().contains(named), "{config}: {error}");
    }
    assert_eq!(database.query("SELECT * FROM sqlite_schema WHERE name = 'new'"), Vec::<Vec<Stored>>::new());
}

#[tokio::test]
async fn hostile_names_are_only_names() {
    let database = Database::with("CREATE TABLE victim (a); INSERT INTO victim VALUES (1);");
    for name in
        ["a\"b", "x; DROP TABLE victim; --", "select", "ünïcødé 🦀", "'", "[b]", "`", " ", "a.b", "%_"]
    {
        for mode in [json!({}), json!({ "mode": "upsert", "key": [name] }), json!({ "mode": "replace" })] {
            let mut config = mode.clone();
            config["table"] = json!(format!("{name}{}", mode["mode"].as_str().unwrap_or_default()));
            let destination = database.destination(config.clone());
            for _ in 0..2 {
                let rows = batch([(name, integers(&[1, 2])), ("other", texts(&["'; --", "\""]))]);
                let errors = run(&destination, vec![rows]).await;
                assert_eq!(errors, Ok(Vec::new()), "{config}");
            }
        }
    }
    assert_eq!(database.query("SELECT a FROM victim"), [[Stored::Integer(1)]]);
    let unfit =
        run(&database.destination(json!({ "table": "n" })), vec![batch([("a\0b", integers(&[1]))])]).await;
    assert_eq!(unfit.unwrap_err().code(), "invalid_name");
}

#[tokio::test]
async fn an_upsert_overwrites_by_key_and_refuses_null_keys() {
    let database = Database::with("");
    let destination = database.destination(json!({ "table": "t", "mode": "upsert", "key": ["a", "b"] }));
    let first =
        batch([("a", integers(&[1, 1, 2])), ("b", texts(&["x", "y", "x"])), ("v", integers(&[1, 2, 3]))]);
    assert!(run(&destination, vec![first]).await.unwrap().is_empty());
    let second = batch([
        ("v", integers(&[10, 20, 30, 40])),
        ("b", Arc::new(StringArray::from(vec![Some("x"), Some("x"), None, Some("z")])) as ArrayRef),
        ("a", integers(&[1, 1, 1, 9])),
    ]);
    let errors = run(&destination, vec![second]).await.unwrap();
    assert_eq!((errors.len(), errors[0].code.as_str(), errors[0].ordinal), (1, "key_null", 102));
    let values: Vec<_> = database.query("SELECT v FROM t ORDER BY a, b").concat();
    assert_eq!(values, [20, 2, 3, 40].map(Stored::Integer));

    let only_key = database.destination(json!({ "table": "k", "mode": "upsert", "key": ["a"] }));
    for _ in 0..2 {
        assert!(run(&only_key, vec![batch([("a", integers(&[1, 2]))])]).await.unwrap().is_empty());
    }
    assert_eq!(database.query("SELECT count(*) FROM k"), [[Stored::Integer(2)]]);
}

#[tokio::test]
async fn a_replace_keeps_the_old_content_until_it_is_complete() {
    let database = Database::with(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE); INSERT INTO t VALUES (1, 'old');
         CREATE UNIQUE INDEX \"an index on t\" ON t (name COLLATE NOCASE); CREATE INDEX plain ON t (name);",
    );
    let definition = database.query("SELECT name, sql FROM sqlite_schema WHERE tbl_name = 't' ORDER BY name");
    let destination = database.destination(json!({ "table": "t", "mode": "replace" }));
    let context = context();
    let (mut writer, marker) = writer(&destination, &context).await;
    let rows = batch([("id", integers(&[1, 2, 3])), ("name", texts(&["a", "b", "A"]))]);
    writer.write(destination.encoder().encode(rows).unwrap()).await.unwrap();
    let unit = Unit { marker: Marker { seq: 1, done: true, ..marker } };
    let refused = writer.stage(&unit).await.unwrap();
    assert_eq!((refused.len(), refused[0].code.as_str(), refused[0].ordinal), (1, "constraint_unique", 102));
    writer.commit(&unit).await.unwrap();
    drop(writer);
    assert_eq!(database.query("SELECT name FROM t"), [[Stored::Text("old".to_owned())]]);
    for _ in 0..2 {
        destination.complete(&context, &[route(&context)]).await.unwrap();
        assert_eq!(database.query("SELECT group_concat(name) FROM t"), [[Stored::Text("a,b".to_owned())]]);
    }
    let after = database.query("SELECT name, sql FROM sqlite_schema WHERE tbl_name = 't' ORDER BY name");
    assert_eq!(after, definition);
    let shadows =
        database.query("SELECT name FROM sqlite_schema WHERE name LIKE '\\_etl\\_new%' ESCAPE '\\'");
    assert_eq!(shadows, Vec::<Vec<Stored>>::new());
}

#[tokio::test]
async fn a_replace_without_rows_empties_the_table_once() {
    let database = Database::with("CREATE TABLE t (id INT); INSERT INTO t VALUES (1)");
    let destination = database.destination(json!({ "table": "t", "mode": "replace" }));
    let context = context();
    let (mut writer, marker) = writer(&destination, &context).await;
    let unit = Unit { marker: Marker { seq: 1, done: true, ..marker } };
    writer.stage(&unit).await.unwrap();
    writer.commit(&unit).await.unwrap();
    drop(writer);
    destination.complete(&context, &[route(&context)]).await.unwrap();
    assert!(database.query("SELECT * FROM t").is_empty());
    database.execute("INSERT INTO t VALUES (2)");
    destination.complete(&context, &[route(&context)]).await.unwrap();
    assert_eq!(database.query("SELECT * FROM t"), [[Stored::Integer(2)]]);
}

#[tokio::test]
async fn an_abandoned_replace_leaves_no_table_behind() {
    let database = Database::with("CREATE TABLE t (id INT); INSERT INTO t VALUES (1)");
    let destination = database.destination(json!({ "table": "t", "mode": "replace" }));
    let abandoned = context();
    let (mut writer, marker) = writer(&destination, &abandoned).await;
    writer.write(destination.encoder().encode(batch([("id", integers(&[7]))])).unwrap()).await.unwrap();
    let unit = Unit { marker: Marker { seq: 1, ..marker } };
    writer.stage(&unit).await.unwrap();
    writer.commit(&unit).await.unwrap();
    drop(writer);
    let shadows = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_etl\\_new%' ESCAPE '\\'";
    assert_eq!(database.query(shadows), [[Stored::Integer(1)]]);
    assert!(run(&destination, vec![batch([("id", integers(&[8]))])]).await.unwrap().is_empty());
    assert_eq!(database.query(shadows), [[Stored::Integer(0)]]);
    assert_eq!(database.query("SELECT id FROM t"), [[Stored::Integer(8)]]);
}

#[tokio::test]
async fn a_replace_that_would_orphan_rows_is_refused_and_does_not_cascade() {
    let database = Database::with(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2);
         CREATE TABLE child (t INTEGER REFERENCES t ON DELETE CASCADE); INSERT INTO child VALUES (1), (2);",
    );
    let destination = database.destination(json!({ "table": "t", "mode": "replace" }));
    let error = run(&destination, vec![batch([("id", integers(&[1]))])]).await.unwrap_err();
    assert_eq!(error.code(), "foreign_keys", "{error}");
    assert_eq!(database.query("SELECT count(*) FROM t"), [[Stored::Integer(2)]]);
    assert!(run(&destination, vec![batch([("id", integers(&[1, 2, 3]))])]).await.unwrap().is_empty());
    assert_eq!(database.query("SELECT count(*) FROM child"), [[Stored::Integer(2)]]);
}

#[tokio::test]
async fn a_database_that_cannot_be_used_says_what_to_do() {
    let database = Database::with("");
    let check = async |path: PathBuf, extra: Value| {
        let mut config = extra;
        config["path"] = json!(path);
        config["table"] = json!("t");
        SqliteDestination.configure(&config).unwrap().check(&context()).await
    };
    let nowhere = database.path.with_file_name("no").join("such.db");
    let error = check(nowhere, json!({})).await.unwrap_err();
    assert_eq!(error.code(), "directory_missing");
    let missing = database.path.with_file_name("missing.db");
    assert_eq!(check(missing.clone(), json!({ "create": false })).await.unwrap_err().code(), "table_missing");
    check(missing.clone(), json!({})).await.unwrap();
    assert!(!missing.exists(), "a check creates nothing");
    let text = database.path.with_file_name("text.db");
    std::fs::write(&text, "id,name\n".repeat(500)).unwrap();
    let error = check(text, json!({})).await.unwrap_err();
    assert_eq!(error.code(), "not_a_database");
    assert!(error.help().is_some());
}

#[tokio::test]
async fn a_marker_that_was_tampered_with_is_not_guessed() {
    let database = Database::with("");
    let destination = database.destination(json!({ "table": "t" }));
    let context = context();
    let (mut held, marker) = writer(&destination, &context).await;
    database.execute("UPDATE _etl_markers SET position = '{broken'");
    let error = destination.open(&context, &route(&context), 0).await.unwrap().marker().await.unwrap_err();
    assert_eq!(error.code(), "marker_unreadable");
    database.execute("DELETE FROM _etl_markers");
    let unit = Unit { marker: Marker { seq: 1, ..marker } };
    assert_eq!(held.stage(&unit).await.unwrap_err().code(), "marker_unreadable");
}

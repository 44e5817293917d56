use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array};
use serde_json::json;

use crate::reading::database;
use crate::writing::{Owner, batch, context, destination, integers, run, run_units, texts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_does_not_fit_is_named_before_the_first_row() {
    let database = database(
        "CREATE TABLE t (id int NOT NULL, must text NOT NULL, twice int GENERATED ALWAYS AS (id * 2) STORED,
           own int GENERATED ALWAYS AS IDENTITY);
         CREATE VIEW v AS SELECT 1 AS id; CREATE TABLE u (id int, day text, UNIQUE (id, day));
         CREATE TABLE d (id int UNIQUE DEFERRABLE); CREATE TABLE p (id int); CREATE UNIQUE INDEX ON p (id) WHERE id > 1;
         CREATE TABLE w (b bool, i int, t text, p point, ts timestamp);",
    );
    let one = || batch([("id", integers([1]))]);
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
    for (config, rows, code, named) in [
        (
            json!({ "table": "t" }),
            batch([("id", integers([1])), ("oops", integers([1]))]),
            "column_missing",
            "oops",
        ),
        (json!({ "table": "t" }), one(), "column_required", "must"),
        (json!({ "table": "t" }), batch([("twice", integers([1]))]), "column_generated", "twice"),
        (json!({ "table": "t" }), batch([("own", integers([1]))]), "column_generated", "own"),
        (json!({ "table": "t" }), batch([("ID", integers([1]))]), "column_missing", "`ID`"),
        (json!({ "table": "w" }), batch([("i", flags.clone())]), "column_type", "`i`"),
        (json!({ "table": "w" }), batch([("b", integers([1]))]), "column_type", "`b`"),
        (json!({ "table": "w" }), batch([("ts", integers([1]))]), "column_type", "`ts`"),
        (json!({ "table": "w" }), batch([("p", texts(&["(1,2)"]))]), "column_type", "`p`"),
        (json!({ "table": "w" }), batch([("b", floats)]), "column_type", "`b`"),
        (json!({ "table": "v" }), one(), "not_a_table", "view"),
        (json!({ "table": "x", "create": false }), one(), "table_missing", "`x`"),
        (json!({ "table": "nowhere.x" }), one(), "schema_missing", "nowhere"),
        (json!({ "table": "u", "mode": "upsert", "key": ["id"] }), one(), "key_not_unique", "u"),
        (json!({ "table": "d", "mode": "upsert", "key": ["id"] }), one(), "key_not_unique", "d"),
        (json!({ "table": "p", "mode": "upsert", "key": ["id"] }), one(), "key_not_unique", "p"),
        (json!({ "table": "u", "mode": "upsert", "key": ["nope"] }), one(), "key_missing", "nope"),
        (json!({ "table": "new", "mode": "upsert", "key": ["nope"] }), one(), "key_missing", "nope"),
        (json!({ "table": "u", "mode": "upsert", "key": ["id", "day"] }), one(), "key_missing", "day"),
    ] {
        let error = run(&destination(&database, config.clone()), vec![rows]).await.unwrap_err();
        assert_eq!(error.code(), code, "{config}: {error}");
        assert!(error.to_string().contains(named) && error.help().is_some(), "{config}: {error}");
    }
    assert_eq!(database.psql("SELECT count(*) FROM t").unwrap(), "0");
    assert_eq!(database.psql("SELECT to_regclass('new') IS NULL").unwrap(), "t");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn privileges_that_lack_are_named() {
    let database = database(
        "CREATE TABLE t (id bigint PRIMARY KEY); CREATE ROLE few LOGIN PASSWORD 'few';
         GRANT INSERT ON t TO few; GRANT CREATE ON SCHEMA public TO few;",
    );
    let url = database.url();
    let at = url.split_once('@').unwrap().1;
    for mode in ["upsert", "replace"] {
        let key = if mode == "upsert" { vec!["id"] } else { vec![] };
        let config =
            json!({ "url": format!("postgres://few:few@{at}"), "table": "t", "mode": mode, "key": key });
        let error = destination(&database, config).check(&context()).await.unwrap_err();
        assert_eq!((error.code(), error.help().is_some()), ("permission_denied", true), "{error}");
    }
    let append = destination(&database, json!({ "url": format!("postgres://few:few@{at}"), "table": "t" }));
    assert!(run(&append, vec![batch([("id", integers([1]))])]).await.unwrap().is_empty());
}

/// The binary form of a `bigint` is also that of some timestamp or float.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_whose_type_changes_between_units_is_never_misread() {
    for (mode, key) in [("append", vec![]), ("upsert", vec!["id"])] {
        for (ty, expected) in [("double precision", "7"), ("numeric", "7"), ("timestamp", ""), ("text", "")] {
            let database = database("CREATE TABLE t (id bigint PRIMARY KEY, v bigint)");
            let target = destination(&database, json!({ "table": "t", "mode": mode, "key": key }));
            let mut owner = Owner::fence(&target, &context(), 1).await.unwrap();
            let rows = |id: i64| batch([("id", integers([id])), ("v", integers([7]))]);
            owner.deliver(vec![rows(1)], false).await.unwrap();
            let change = format!("ALTER TABLE t ALTER v TYPE {ty} USING NULL");
            database.psql(&change).unwrap();
            // An attempt with what was encoded before fails; the next one encodes for the new column or refuses.
            let error = owner.deliver(vec![rows(2)], false).await.unwrap_err();
            assert!(matches!(error.code(), "table_changed" | "row_refused"), "{mode} {ty}: {error}");
            let context = owner.context.clone();
            drop(owner);
            let mut owner = Owner::fence(&target, &context, 2).await.unwrap();
            match owner.deliver(vec![rows(2)], true).await {
                Ok(refused) => {
                    assert!(refused.is_empty() && !expected.is_empty(), "{mode} {ty}: {refused:?}")
                }
                Err(error) => {
                    assert_eq!((error.code(), expected), ("column_type", ""), "{mode} {ty}: {error}")
                }
            }
            let found = database.psql("SELECT string_agg(v::text, ' ') FROM t").unwrap();
            assert_eq!(found, expected, "{mode} {ty}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_altered_harmlessly_is_written_on() {
    let database = database("CREATE TABLE t (id bigint, gone int)");
    let target = destination(&database, json!({ "table": "t" }));
    let mut owner = Owner::fence(&target, &context(), 1).await.unwrap();
    owner.deliver(vec![batch([("id", integers([1]))])], false).await.unwrap();
    database
        .psql("ALTER TABLE t DROP gone; ALTER TABLE t ADD more int DEFAULT 5; CREATE INDEX ON t (id)")
        .unwrap();
    owner.deliver(vec![batch([("id", integers([2]))])], true).await.unwrap();
    assert_eq!(database.psql("SELECT * FROM t ORDER BY id").unwrap(), "1|5\n2|5");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_dropped_between_units_is_not_made_anew_without_its_rows() {
    for (mode, key) in [("append", vec![]), ("upsert", vec!["id"]), ("replace", vec![])] {
        let database = database("");
        let target = destination(&database, json!({ "table": "t", "mode": mode, "key": key }));
        let mut owner = Owner::fence(&target, &context(), 1).await.unwrap();
        owner.deliver(vec![batch([("id", integers([1]))])], false).await.unwrap();
        let name = if mode == "replace" {
            database
                .psql("SELECT relname FROM pg_class WHERE relname LIKE '\\_etl\\_new\\_%' AND relkind = 'r'")
                .unwrap()
        } else {
            "t".to_owned()
        };
        database.psql(&format!("DROP TABLE {name}")).unwrap();
        let error = owner.deliver(vec![batch([("id", integers([2]))])], false).await.unwrap_err();
        assert!(error.help().is_some(), "{mode}: {error}");
        let context = owner.context.clone();
        drop(owner);
        let mut owner = Owner::fence(&target, &context, 2).await.unwrap();
        let error = owner.deliver(vec![batch([("id", integers([2]))])], true).await.unwrap_err();
        assert_eq!((error.code(), error.help().is_some()), ("table_missing", true), "{mode}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partitioned_table_and_a_domain_are_written_to() {
    let database = database(
        "CREATE DOMAIN positive AS bigint CHECK (VALUE > 0);
         CREATE TABLE t (id positive PRIMARY KEY, v text) PARTITION BY RANGE (id);
         CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (1) TO (10);",
    );
    for (mode, key) in [("append", vec![]), ("upsert", vec!["id"])] {
        database.psql("TRUNCATE t").unwrap();
        let target = destination(&database, json!({ "table": "t", "mode": mode, "key": key }));
        let rows = batch([("id", integers([1, -1, 50, 2])), ("v", texts(&["a", "b", "c", "d"]))]);
        let errors = run_units(&target, vec![vec![rows]]).await.unwrap();
        let ordinals: Vec<_> = errors.iter().map(|error| error.ordinal - 100).collect();
        assert_eq!(ordinals, [1, 2], "{mode}: {errors:?}");
        assert_eq!(database.psql("SELECT string_agg(v, '' ORDER BY id) FROM t").unwrap(), "ad", "{mode}");
    }
}

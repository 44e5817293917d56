use etl_model::is_json;
use serde_json::json;

use crate::reading::{self, database, failure, whole};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_found_by_schema_and_odd_name() {
    let database = database(
        r#"CREATE SCHEMA app; CREATE SCHEMA "Odd.Schema"; CREATE TABLE victim (id int);
           CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);
           CREATE TABLE app.t (id int PRIMARY KEY); INSERT INTO app.t VALUES (2);
           CREATE TABLE "Odd.Schema"."a "" b.c" ("I d" int PRIMARY KEY, "; DROP TABLE victim; --" int);
           INSERT INTO "Odd.Schema"."a "" b.c" VALUES (3, 4);
           CREATE TABLE "x""; DROP TABLE victim; --" (id int PRIMARY KEY);
           INSERT INTO "x""; DROP TABLE victim; --" VALUES (5);"#,
    );
    for (config, expected) in [
        (json!({ "table": "t" }), json!({ "id": 1 })),
        (json!({ "table": "app.t" }), json!({ "id": 2 })),
        (json!({ "table": "t", "search_path": ["nowhere", "app", "public"] }), json!({ "id": 2 })),
        (
            json!({ "table": "\"Odd.Schema\".\"a \"\" b.c\"" }),
            json!({ "I d": 3, "; DROP TABLE victim; --": 4 }),
        ),
        (json!({ "table": "x\"; DROP TABLE victim; --" }), json!({ "id": 5 })),
        (json!({ "query": "SELECT id FROM t", "search_path": ["app"] }), json!({ "id": 2 })),
    ] {
        assert_eq!(whole(&database, config.clone()).await.unwrap().rows(), [expected], "{config}");
    }
    database.psql("SELECT * FROM victim").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_and_conditions_choose_what_is_read() {
    let database = database(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b text, gone int); ALTER TABLE t DROP COLUMN gone;
         INSERT INTO t SELECT i, 'a' || i, 'b' || i FROM generate_series(1, 9) i;
         CREATE VIEW v AS SELECT id AS \"Key\", a FROM t; CREATE TABLE empty (id int PRIMARY KEY, a text);
         CREATE TABLE nothing ();",
    );
    let read =
        whole(&database, json!({ "table": "t", "columns": ["b", "a"], "where": "id > 7 -- all" })).await;
    assert_eq!(read.unwrap().rows(), [json!({ "b": "b8", "a": "a8" }), json!({ "b": "b9", "a": "a9" })]);
    let read = whole(&database, json!({ "table": "t", "where": "id = 1 OR id = 2" })).await.unwrap();
    assert_eq!(read.rows()[0], json!({ "id": 1, "a": "a1", "b": "b1" }));
    let read = whole(&database, json!({ "table": "v", "key": ["Key"], "columns": ["a"] })).await.unwrap();
    assert_eq!(read.rows().len(), 9);
    let query = "SELECT id, count(*) AS n FROM t GROUP BY id ORDER BY id DESC";
    let read = whole(&database, json!({ "query": query })).await.unwrap();
    assert_eq!(read.numbers("id"), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let read = whole(&database, json!({ "query": query, "key": ["id"], "where": "n = 1 AND id < 3" })).await;
    assert_eq!(read.unwrap().numbers("id"), [1, 2]);

    let empty = reading::source(&database, json!({ "table": "empty", "partitions": 4 }));
    let found = empty.discover(&[]).await.unwrap();
    let names: Vec<_> = found.schema.unwrap().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!((found.partitions.len(), names), (1, vec!["id".to_owned(), "a".to_owned()]));
    assert!(whole(&database, json!({ "table": "empty" })).await.unwrap().batches.is_empty());

    for (config, code) in [
        (json!({ "table": "nope" }), "table_missing"),
        (json!({ "table": "nope.t" }), "table_missing"),
        (json!({ "table": "nothing" }), "no_columns"),
        (json!({ "table": "t", "columns": ["id", "gone"] }), "column_missing"),
        (json!({ "table": "t", "key": ["nope"] }), "column_missing"),
        (json!({ "table": "t", "where": "nope = 1" }), "postgres_statement"),
        (json!({ "table": "v" }), "missing_key"),
        (json!({ "query": "SELECT 1 AS a, 2 AS a" }), "duplicate_column"),
        (json!({ "query": "SELECT $1::int AS a" }), "postgres_statement"),
        (json!({ "query": "SELECT 1 AS a) AS q; DROP TABLE t; --" }), "postgres_statement"),
    ] {
        let error = failure(&database, config.clone()).await;
        assert_eq!(error.code(), code, "{config}: {error}");
        assert!(error.help().is_some(), "{config}: {error}");
    }
    database.psql("SELECT * FROM t").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_changes_nothing() {
    let database = database(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);
         CREATE FUNCTION sly() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM t; SELECT 1';",
    );
    for config in [
        json!({ "query": "SELECT sly() AS id" }),
        json!({ "query": "SELECT sly() AS id", "key": ["id"], "partitions": 3 }),
        json!({ "query": "DELETE FROM t RETURNING id" }),
        json!({ "table": "t", "where": "sly() = 1" }),
    ] {
        failure(&database, config.clone()).await;
        assert_eq!(database.psql("SELECT count(*) FROM t").unwrap(), "1", "{config}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_are_not_known_are_read_as_text_and_noted() {
    let database = database(
        "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b text);
         CREATE DOMAIN price AS numeric(8, 2) CHECK (VALUE > 0); CREATE DOMAIN cheap AS price;
         CREATE TABLE t (id int PRIMARY KEY, p point, r int4range, m macaddr, c pair, e mood, d cheap, j jsonb,
           a point[], n numeric(4, 1)[], ctid_ tid);
         INSERT INTO t VALUES (1, '(1,2)', '[1,5)', '08:00:2b:01:02:03', '(1,x)', 'happy', 9.50, '{\"k\": 1}',
           '{\"(1,2)\"}', '{1.5}', '(3,4)');",
    );
    let source = reading::source(&database, json!({ "table": "t" }));
    let found = source.discover(&[]).await.unwrap();
    for (column, ty) in [
        ("p", "point"),
        ("r", "int4range"),
        ("m", "macaddr"),
        ("c", "pair"),
        ("a", "point[]"),
        ("ctid_", "tid"),
    ] {
        let note = format!("column `{column}` of type {ty} is read as text");
        assert!(found.notes.contains(&note), "{note} in {:?}", found.notes);
    }
    assert_eq!(found.notes.len(), 7, "{:?}", found.notes);
    assert!(is_json(found.schema.unwrap().field_with_name("j").unwrap()));
    let expected = json!({
        "id": 1, "p": "(1,2)", "r": "[1,5)", "m": "08:00:2b:01:02:03", "c": "(1,x)", "e": "happy", "d": "9.50",
        "j": "{\"k\": 1}", "a": "{\"(1,2)\"}", "n": ["1.5"], "ctid_": "(3,4)"
    });
    let rows = whole(&database, json!({ "table": "t" })).await.unwrap().rows();
    let mut got = rows[0].clone();
    // The writer of JSON decides between number and text for decimals.
    for at in ["/d", "/n/0"] {
        let value = got.pointer_mut(at).unwrap();
        if let Some(number) = value.as_f64() {
            *value = json!(if at == "/d" { format!("{number:.2}") } else { format!("{number:.1}") });
        }
    }
    assert_eq!(got, expected);
    let text = whole(&database, json!({ "table": "t", "arrays": "text", "columns": ["n"] })).await.unwrap();
    assert_eq!(text.rows(), [json!({ "n": "{1.5}" })]);
}

/// Without a key rows are read as they lie in the file, whatever plan would be cheaper.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_without_key_is_read_in_its_order_whatever_the_planner_likes() {
    let database = database(
        "CREATE TABLE t (n int, back int); INSERT INTO t SELECT i, 100000 - i FROM generate_series(1, 100000) i;
         CREATE INDEX ON t (back); CREATE TABLE few (n int); INSERT INTO few SELECT generate_series(1, 1000); ANALYZE;",
    );
    let name = database.name();
    for setting in [
        "parallel_setup_cost = 0",
        "parallel_tuple_cost = 0",
        "min_parallel_table_scan_size = 0",
        "random_page_cost = 0.1",
    ] {
        database.psql(&format!("ALTER DATABASE {name} SET {setting}")).unwrap();
    }
    for (condition, rows) in [
        (None, 100_000),
        (Some("back BETWEEN 500 AND 2499"), 2000),
        (Some("n IN (SELECT n FROM few)"), 1000),
        (Some("n % 2 = 0"), 50_000),
    ] {
        for partitions in [1, 3] {
            let mut config = json!({ "table": "t", "partitions": partitions });
            if let Some(condition) = condition {
                config["where"] = json!(condition);
            }
            let counts = reading::counts(&reading::source(&database, config.clone()), "n").await;
            assert!(counts.len() == rows && counts.values().all(|&times| times == 1), "{config}");
        }
    }
}

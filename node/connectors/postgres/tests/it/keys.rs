use serde_json::json;

use crate::reading::{SINGLE, counts, database, failure, read, source, whole};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_cannot_order_rows_are_refused() {
    let database = database(
        "CREATE TABLE t (id int PRIMARY KEY, k int, w text, big bigint);
         INSERT INTO t VALUES (1, 1, 'a', 1), (2, 2, 'b', 2), (3, 2, 'b', 3), (4, NULL, NULL, 9223372036854775807);
         CREATE TABLE n (k int UNIQUE, j json); INSERT INTO n VALUES (NULL, '{}'), (1, '{}');
         CREATE TABLE far (id bigint PRIMARY KEY); INSERT INTO far VALUES (9223372036854775807), (5);
         CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child () INHERITS (parent);
         INSERT INTO parent VALUES (1, 'a'); INSERT INTO child VALUES (1, 'b');
         CREATE TABLE bare (v text); CREATE TABLE heir () INHERITS (bare);
         CREATE TABLE wide (k text PRIMARY KEY); INSERT INTO wide VALUES (repeat('k', 1500) || '1');",
    );
    for (config, code, named) in [
        (json!({ "table": "t", "key": ["k"], "where": "k IS NOT NULL" }), "key_not_unique", "k"),
        (json!({ "table": "t", "key": ["w"], "where": "k IS NOT NULL" }), "key_not_unique", "w"),
        (json!({ "table": "t", "key": ["w", "k"], "where": "k IS NOT NULL" }), "key_not_unique", "w, k"),
        (json!({ "table": "t", "key": ["k"] }), "key_null", "`k`"),
        (json!({ "table": "t", "key": ["id", "w"] }), "key_null", "`w`"),
        (json!({ "query": "SELECT * FROM t", "key": ["w"] }), "key_null", "`w`"),
        (json!({ "table": "n", "key": ["k"] }), "key_null", "`k`"),
        (json!({ "table": "n", "key": ["j"], "where": "k = 1" }), "postgres_statement", "json"),
        (json!({ "table": "t", "key": ["big"] }), "key_too_large", "9223372036854775807"),
        (json!({ "table": "far" }), "key_too_large", "9223372036854775807"),
        (json!({ "table": "parent" }), "key_not_unique", "id"),
        (json!({ "table": "bare" }), "missing_key", "inherit"),
        (json!({ "table": "wide" }), "key_too_long", "kkkk"),
    ] {
        let error = failure(&database, config.clone()).await;
        assert_eq!(error.code(), code, "{config}: {error}");
        assert!(error.help().is_some() && error.to_string().contains(named), "{config}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_row_of_a_key_is_noticed_after_an_interruption_between_them() {
    let database = database(
        "CREATE TABLE t (id int PRIMARY KEY, k int, w text);
         INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 2, 'b'), (4, 3, 'c');",
    );
    for key in ["k", "w"] {
        let twice = source(&database, json!({ "table": "t", "key": [key] }));
        let first = read(&twice, None, SINGLE, 2).await.unwrap();
        let error = read(&twice, first.positions.last(), SINGLE, usize::MAX).await.map(drop).unwrap_err();
        assert_eq!(error.code(), "key_not_unique", "{key}: {error}");
    }
    // A row of that key which is gone is not missed.
    let twice = source(&database, json!({ "table": "t", "key": ["k"] }));
    let first = read(&twice, None, SINGLE, 2).await.unwrap();
    database.psql("DELETE FROM t WHERE k = 2").unwrap();
    let again = source(&database, json!({ "table": "t", "key": ["k"] }));
    let rest = read(&again, first.positions.last(), SINGLE, usize::MAX).await.unwrap();
    assert_eq!(rest.numbers("id"), [4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn integer_keys_may_be_negative_and_extreme() {
    let database = database(
        "CREATE TABLE t (id bigint PRIMARY KEY);
         INSERT INTO t VALUES (-9223372036854775808), (-9223372036854775807), (-1), (0), (1), (9223372036854775806);
         CREATE TABLE o (id oid PRIMARY KEY); INSERT INTO o VALUES (0), (7), (4294967295);",
    );
    let expected = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1];
    let table = source(&database, json!({ "table": "t" }));
    let all = read(&table, None, SINGLE, usize::MAX).await.unwrap();
    assert_eq!(all.numbers("id"), expected);
    for (i, position) in all.positions.iter().enumerate() {
        let rest = read(&table, Some(position), SINGLE, usize::MAX).await.unwrap();
        assert_eq!(rest.numbers("id"), expected[i + 1..]);
    }
    assert_eq!(counts(&source(&database, json!({ "table": "t", "partitions": 3 })), "id").await.len(), 6);
    assert_eq!(whole(&database, json!({ "table": "o" })).await.unwrap().numbers("id"), [0, 7, 4_294_967_295]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_that_look_like_others_are_told_apart() {
    let database = database(
        "CREATE TABLE base (id int PRIMARY KEY, r int4range, t text, q text);
         INSERT INTO base SELECT i, int4range(i, 100), 'x' || i, 'y' FROM generate_series(1, 30) i;
         CREATE VIEW v AS SELECT ctid, id AS t, t AS \"t.id\", r FROM base;
         CREATE TABLE ranges (r int4range, id int, PRIMARY KEY (r, id));
         INSERT INTO ranges SELECT r, id FROM base;",
    );
    let read = whole(&database, json!({ "table": "v", "key": ["t"] })).await.unwrap();
    assert_eq!(read.numbers("t"), (1..=30).collect::<Vec<_>>());
    assert_eq!((&read.rows()[0]["ctid"], &read.rows()[0]["t.id"]), (&json!("(0,1)"), &json!("x1")));
    let read = whole(&database, json!({ "table": "v", "key": ["ctid"], "columns": ["ctid"] })).await.unwrap();
    assert_eq!(read.rows().len(), 30);
    // Read as text, ordered by their own order: as text, `[10,100)` would come before `[9,100)`.
    for config in [
        json!({ "table": "ranges" }),
        json!({ "table": "v", "key": ["r"], "columns": ["r", "t"] }),
        json!({ "table": "ranges", "columns": ["id"], "partitions": 3 }),
    ] {
        let source = source(&database, config.clone());
        if config.get("partitions").is_some() {
            assert_eq!(counts(&source, "id").await.len(), 30, "{config}");
            continue;
        }
        let column = if config["table"] == "v" { "t" } else { "id" };
        let read = crate::reading::read(&source, None, SINGLE, usize::MAX).await.unwrap();
        assert_eq!(read.numbers(column), (1..=30).collect::<Vec<_>>(), "{config}");
        let rest =
            crate::reading::read(&source, Some(&read.positions[11]), SINGLE, usize::MAX).await.unwrap();
        assert_eq!(rest.numbers(column), (13..=30).collect::<Vec<_>>(), "{config}");
    }
}

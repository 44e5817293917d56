use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use serde_json::json;

use crate::reading::database;
use crate::writing::{batch, destination, integers, run, run_units, texts, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn append_keeps_what_is_there_and_the_order_of_rows() {
    let database = database("CREATE TABLE t (id bigint, place serial); INSERT INTO t VALUES (-1)");
    let target = destination(&database, json!({ "table": "t" }));
    let units = (0..3)
        .map(|u| (0..4).map(|b| batch([("id", integers((0..50).map(|i| u * 200 + b * 50 + i)))])).collect());
    assert!(run_units(&target, units.collect()).await.unwrap().is_empty());
    let ordered = "SELECT count(*), bool_and(id = place - 2) FROM t";
    assert_eq!(database.psql(ordered).unwrap(), "601|t");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rows_with_the_same_key_the_last_one_wins() {
    let database = database(
        "CREATE EXTENSION citext; CREATE TABLE c (k citext PRIMARY KEY, v bigint);
         CREATE TABLE n (k numeric UNIQUE, v bigint); CREATE TABLE e (k text COLLATE \"en-x-icu\", b int, v bigint);
         CREATE UNIQUE INDEX ON e (b, k);",
    );
    let rows = |keys: &[&str], values: &[i64]| batch([("k", texts(keys)), ("v", integers(values.to_vec()))]);
    let plain = destination(&database, json!({ "table": "t", "mode": "upsert", "key": ["k"] }));
    // Inside a batch, over batches of a unit, over units and over runs.
    let units = vec![
        vec![rows(&["a", "b", "a", "c", "a"], &[1, 2, 3, 4, 5]), rows(&["b", "d"], &[6, 7])],
        vec![rows(&["d", "e", "d"], &[8, 9, 10])],
    ];
    assert!(run_units(&plain, units).await.unwrap().is_empty());
    let all = |table: &str| {
        database.psql(&format!("SELECT string_agg(k || v, ' ' ORDER BY k) FROM {table}")).unwrap()
    };
    assert_eq!(all("t"), "a5 b6 c4 d10 e9");
    assert!(run(&plain, vec![rows(&["e", "a"], &[11, 12])]).await.unwrap().is_empty());
    assert_eq!(all("t"), "a12 b6 c4 d10 e11");

    // Keys that differ in bytes and are one to the server.
    let same = destination(&database, json!({ "table": "c", "mode": "upsert", "key": ["k"] }));
    let units = vec![vec![rows(&["a", "A", "b", "a", "B"], &[1, 2, 3, 4, 5])], vec![rows(&["A"], &[6])]];
    assert!(run_units(&same, units).await.unwrap().is_empty());
    assert_eq!(
        database.psql("SELECT string_agg(lower(k::text) || v, ' ' ORDER BY k) FROM c").unwrap(),
        "a6 b5"
    );
    let numbers = destination(&database, json!({ "table": "n", "mode": "upsert", "key": ["k"] }));
    assert!(run(&numbers, vec![rows(&["1.0", "1.00", "2", "1"], &[1, 2, 3, 4])]).await.unwrap().is_empty());
    assert_eq!(
        database.psql("SELECT string_agg(trim_scale(k) || ':' || v, ' ' ORDER BY k) FROM n").unwrap(),
        "1:4 2:3"
    );

    let several = destination(&database, json!({ "table": "e", "mode": "upsert", "key": ["k", "b"] }));
    let rows = batch([
        ("v", integers([1, 2, 3, 4])),
        ("b", integers([1, 2, 1, 1])),
        ("k", texts(&["x", "x", "x", "y"])),
    ]);
    assert!(run(&several, vec![rows]).await.unwrap().is_empty());
    assert_eq!(
        database.psql("SELECT string_agg(k || b || v, ' ' ORDER BY k, b) FROM e").unwrap(),
        "x13 x22 y14"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_last_row_of_a_key_is_refused_the_one_before_it_counts() {
    let database = database("CREATE TABLE t (k bigint PRIMARY KEY, v bigint CHECK (v < 100))");
    let target = destination(&database, json!({ "table": "t", "mode": "upsert", "key": ["k"] }));
    let rows = batch([("k", integers([1, 2, 1, 3, 1, 2])), ("v", integers([1, 2, 3, 4, 500, 6]))]);
    let errors = run(&target, vec![rows]).await.unwrap();
    assert_eq!(told(&errors), [(4, "constraint_check")]);
    assert_eq!(
        database.psql("SELECT string_agg(k || ':' || v, ' ' ORDER BY k) FROM t").unwrap(),
        "1:3 2:6 3:4"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_nothing_but_its_key_is_upserted_too() {
    let database = database("");
    let target = destination(&database, json!({ "table": "k", "mode": "upsert", "key": ["a", "b"] }));
    for _ in 0..2 {
        let rows = batch([("b", texts(&["x", "y", "x"])), ("a", integers([1, 2, 1]))]);
        assert!(run(&target, vec![rows]).await.unwrap().is_empty());
    }
    assert_eq!(database.psql("SELECT string_agg(a || b, ' ' ORDER BY a) FROM k").unwrap(), "1x 2y");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_without_a_key_are_refused_or_kept_apart_as_the_table_says() {
    let database = database("CREATE TABLE loose (k bigint UNIQUE, v text)");
    let rows = || {
        batch([
            ("k", Arc::new(Int64Array::from(vec![Some(1), None, None, Some(1)])) as ArrayRef),
            ("v", Arc::new(StringArray::from(vec!["a", "b", "c", "d"]))),
        ])
    };
    let strict = destination(&database, json!({ "table": "strict", "mode": "upsert", "key": ["k"] }));
    let errors = run(&strict, vec![rows()]).await.unwrap();
    assert_eq!(told(&errors), [(1, "constraint_not_null"), (2, "constraint_not_null")]);
    assert_eq!(database.psql("SELECT k, v FROM strict").unwrap(), "1|d");
    // In a unique index nulls are not equal: no row with one is another's duplicate.
    let loose = destination(&database, json!({ "table": "loose", "mode": "upsert", "key": ["k"] }));
    assert!(run(&loose, vec![rows()]).await.unwrap().is_empty());
    assert_eq!(database.psql("SELECT string_agg(v, '' ORDER BY v) FROM loose").unwrap(), "bcd");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_may_change_between_batches() {
    let database = database("CREATE TABLE t (id bigint PRIMARY KEY, a text, b text DEFAULT 'none')");
    for (mode, key) in [("append", vec![]), ("upsert", vec!["id"]), ("replace", vec![])] {
        database.psql("TRUNCATE t").unwrap();
        let target = destination(&database, json!({ "table": "t", "mode": mode, "key": key }));
        let units = vec![
            vec![
                batch([("id", integers([1])), ("a", texts(&["x"]))]),
                batch([("b", texts(&["y"])), ("id", integers([2]))]),
                batch([("id", integers([3])), ("a", texts(&["z"]))]),
            ],
            vec![batch([("id", integers([4]))]), batch([("a", integers([7])), ("id", texts(&["5"]))])],
        ];
        // What does not fit is named; what fits is delivered first.
        let error = run_units(&target, units.clone()).await.unwrap_err();
        assert_eq!(error.code(), "column_type", "{mode}: {error}");
        assert!(error.to_string().contains("`id`") || error.to_string().contains("`a`"), "{error}");
        database.psql("TRUNCATE t; TRUNCATE _etl_markers").unwrap();
        let units = vec![units[0].clone(), vec![units[1][0].clone()]];
        assert_eq!(run_units(&target, units).await.unwrap(), [], "{mode}");
        let rows =
            database.psql("SELECT string_agg(concat_ws(':', id, a, b), ' ' ORDER BY id) FROM t").unwrap();
        assert_eq!(rows, "1:x:none 2:y 3:z:none 4:none", "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_does_not_exist_yet_takes_the_columns_of_its_first_rows() {
    let database = database("");
    for mode in ["append", "replace"] {
        let target = destination(&database, json!({ "table": mode, "mode": mode }));
        // Eight bytes of text have the length of a bigint.
        let units =
            vec![vec![batch([("id", integers([1]))])], vec![batch([("id", texts(&["abcdefgh", "2"]))])]];
        match run_units(&target, units).await {
            Ok(errors) => {
                assert_eq!(errors.len(), 1, "{mode}: {errors:?}");
                assert_eq!(database.psql(&format!("SELECT sum(id) FROM {mode}")).unwrap(), "3", "{mode}");
            }
            Err(error) => assert_eq!(error.code(), "column_type", "{mode}: {error}"),
        }
        database.psql("TRUNCATE _etl_markers").unwrap();
        let units = vec![vec![batch([("id", integers([1]))]), batch([("more", integers([1]))])]];
        let target = destination(&database, json!({ "table": format!("{mode}_more"), "mode": mode }));
        let error = run_units(&target, units).await.unwrap_err();
        assert_eq!(error.code(), "column_missing", "{mode}: {error}");
        assert!(error.to_string().contains("`more`"), "{error}");
        database.psql("TRUNCATE _etl_markers").unwrap();
    }
}

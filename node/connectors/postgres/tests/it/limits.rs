use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use etl_sdk::ReadOptions;
use serde_json::json;

use crate::reading::{LARGE, database, read, source, whole};
use crate::writing::{batch, destination, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_200_megabytes_is_refused_or_read_as_the_limit_says() {
    let database = database(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b text);
         INSERT INTO t VALUES (1, 'small'), (2, repeat('x', 200 * 1000 * 1000)), (3, 'small');",
    );
    let table = source(&database, json!({ "table": "t" }));
    let error = read(&table, None, LARGE, usize::MAX).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "record_too_large");
    assert!(error.to_string().contains("id = 2"), "{error}");
    assert!(error.help().unwrap().contains("columns"), "{error}");
    let without = whole(&database, json!({ "table": "t", "columns": ["id", "b"] })).await.unwrap();
    assert_eq!(without.numbers("id"), [1, 2, 3]);

    let large = ReadOptions { chunk_bytes: 1 << 16, max_record_bytes: 1 << 28 };
    let read = read(&table, None, large, usize::MAX).await.unwrap();
    let lengths: Vec<usize> = read
        .batches
        .iter()
        .flat_map(|batch| {
            let column = batch.records().column(1);
            let texts = column.as_any().downcast_ref::<arrow::array::StringArray>().unwrap();
            (0..texts.len()).map(|row| texts.value(row).len()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(lengths, [5, 200_000_000, 5]);
}

use arrow::array::Array;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_may_have_1600_columns() {
    let columns: Vec<String> = (0..1600).map(|i| format!("c{i} int")).collect();
    let names: Vec<String> = (0..1600).map(|i| i.to_string()).collect();
    let database = database(&format!(
        "CREATE TABLE keyless ({0}); INSERT INTO keyless VALUES ({1}); CREATE TABLE target ({0});",
        columns.join(", "),
        names.join(", ")
    ));
    let read = whole(&database, json!({ "table": "keyless" })).await.unwrap();
    assert_eq!(read.rows()[0]["c1599"], 1599);
    assert!(
        run(&destination(&database, json!({ "table": "target" })), read.batches).await.unwrap().is_empty()
    );
    let same = "SELECT to_jsonb(k) = to_jsonb(t) FROM keyless k, target t";
    assert_eq!(database.psql(same).unwrap(), "t");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_larger_than_a_network_packet_arrive_whole() {
    let database = database("");
    let long = "é".repeat(3 << 20);
    let rows = batch([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("v", crate::writing::texts(&[long.as_str(), "x"])),
    ]);
    assert!(run(&destination(&database, json!({ "table": "t" })), vec![rows]).await.unwrap().is_empty());
    assert_eq!(database.psql("SELECT sum(length(v)) FROM t").unwrap(), (3 * (1 << 20) + 1).to_string());
}

//! Tables without a key whose rows are read block by block: none of their values can be stored apart.

use std::collections::BTreeSet;

use etl_sdk::ReadOptions;
use serde_json::json;

use crate::continuation::alone;
use crate::reading::{LARGE, SINGLE, counts, discover, ids, pull, read, source};

/// 20,000 rows on some 110 pages, every seventh of which was deleted.
const NARROW: &str = "CREATE TABLE t (n int, v float8);
    INSERT INTO t SELECT i, i / 4.0 FROM generate_series(1, 20000) i; DELETE FROM t WHERE n % 7 = 0;";

fn expected() -> Vec<i64> {
    (1..=20_000).filter(|n| n % 7 != 0).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_comes_once_in_the_order_of_the_file() {
    let (_server, database) = alone(NARROW);
    for (partitions, options) in [(1, LARGE), (1, SINGLE), (5, LARGE), (5, SINGLE)] {
        let table = source(&database, json!({ "table": "t", "partitions": partitions }));
        let found = discover(&table).await;
        assert!(found.len() == partitions && found[0].id.0.contains(" by "), "{found:?}");
        let (mut numbers, mut ordinals) = (Vec::new(), Vec::new());
        for partition in &found {
            let mut reader = table.read(partition, None, &options).await.unwrap();
            let read = pull(reader.as_mut(), usize::MAX).await.unwrap();
            assert!(
                options.chunk_bytes > 1 || read.positions.len() > 3,
                "{partitions}: {:?}",
                read.positions
            );
            numbers.extend(read.numbers("n"));
            ordinals.extend(read.ordinals());
        }
        assert!(numbers == expected(), "{partitions}");
        assert!(ordinals.windows(2).all(|pair| pair[0] < pair[1]), "{partitions}");
    }
    let half = source(&database, json!({ "table": "t", "columns": ["v"], "partitions": 3 }));
    assert_eq!(counts(&half, "v").await.len(), expected().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_continuation_yields_exactly_the_rest_although_rows_were_deleted() {
    let (server, database) = alone(NARROW);
    let config = json!({ "table": "t", "partitions": 2 });
    let first = source(&database, config.clone());
    let partitions = discover(&first).await;
    let mut wholes = Vec::new();
    for partition in &partitions {
        let mut reader = first.read(partition, None, &SINGLE).await.unwrap();
        wholes.push(pull(reader.as_mut(), usize::MAX).await.unwrap());
    }
    // Neither in front of a position nor behind it do they matter, nor does cleaning up after them.
    database.psql("DELETE FROM t WHERE n % 11 = 0; VACUUM t; ANALYZE t").unwrap();
    server.restart().unwrap();
    let other = source(&database, config);
    assert_eq!(other.discover(&ids(&partitions)).await.unwrap().partitions, partitions);
    for (partition, whole) in partitions.iter().zip(&wholes) {
        assert!(whole.positions.len() > 3, "{:?}", whole.positions);
        let mut before = 0;
        for (i, position) in whole.positions.iter().enumerate() {
            before += whole.batches[i].len();
            let mut reader = other.read(partition, Some(position), &LARGE).await.unwrap();
            let rest = pull(reader.as_mut(), usize::MAX).await.unwrap();
            let kept: Vec<i64> =
                whole.numbers("n")[before..].iter().copied().filter(|n| n % 11 != 0).collect();
            assert!(rest.numbers("n") == kept, "behind {position:?}");
            assert!(rest.ordinals().iter().all(|&ordinal| ordinal >= position.next));
            assert_eq!(rest.end.unwrap().next, whole.end.as_ref().unwrap().next);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_has_changed_is_not_continued() {
    for change in [
        "UPDATE t SET n = n WHERE n = 19998",
        "INSERT INTO t VALUES (20001)",
        "VACUUM FULL t",
        "CREATE TABLE copy AS SELECT * FROM t; TRUNCATE t; INSERT INTO t SELECT * FROM copy",
        "ALTER TABLE t ADD PRIMARY KEY (n)",
    ] {
        let (_server, database) = alone(NARROW);
        let config = json!({ "table": "t", "partitions": 1 });
        let first = read(&source(&database, config.clone()), None, SINGLE, 5).await.unwrap();
        let known = ids(&discover(&source(&database, config.clone())).await);
        database.psql(change).unwrap();
        let table = source(&database, config);
        let partition = table.discover(&known).await.unwrap().partitions.remove(0);
        let refused = table.read(&partition, first.positions.last(), &LARGE).await;
        let refused = refused.map(drop).expect_err(change);
        assert_eq!((refused.code(), refused.help().is_some()), ("source_changed", true), "{change}");
    }
}

/// Pages of another file hold other rows, also where nothing was read of them yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_that_of_one_file() {
    let (_server, database) = alone(NARROW);
    let config = json!({ "table": "t", "partitions": 3 });
    let known = ids(&discover(&source(&database, config.clone())).await);
    database.psql("VACUUM FULL t").unwrap();
    let table = source(&database, config);
    for partition in table.discover(&known).await.unwrap().partitions {
        let mut reader = table.read(&partition, None, &LARGE).await.unwrap();
        let refused = pull(reader.as_mut(), 1).await.map(drop).unwrap_err();
        assert_eq!((refused.code(), refused.help().is_some()), ("source_changed", true), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_cannot_be_rewritten_while_it_is_read() {
    let (_server, database) = alone(NARROW);
    let table = source(&database, json!({ "table": "t", "partitions": 1 }));
    let partition = discover(&table).await.remove(0);
    let mut reader = table.read(&partition, None, &SINGLE).await.unwrap();
    let first = pull(reader.as_mut(), 1).await.unwrap();
    let refused = database.psql("SET lock_timeout = '200ms'; VACUUM FULL t").unwrap_err();
    assert!(refused.to_string().contains("lock timeout"), "{refused}");
    let rest = pull(reader.as_mut(), usize::MAX).await.unwrap();
    assert_eq!([first.numbers("n"), rest.numbers("n")].concat(), expected());
    drop(reader);
    database.psql("VACUUM FULL t").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wide_and_empty_tables_are_read_in_blocks_too() {
    let columns: Vec<String> = (0..1000).map(|i| format!("c{i} int")).collect();
    let (_server, database) = alone(&format!(
        "CREATE TABLE wide ({}); INSERT INTO wide (c7) SELECT generate_series(1, 3000);
         CREATE TABLE gone (n int); INSERT INTO gone SELECT generate_series(1, 5000); DELETE FROM gone;
         CREATE MATERIALIZED VIEW kept AS SELECT i AS n FROM generate_series(1, 5000) i;
         CREATE TABLE filled (n int, PRIMARY KEY (n)); CREATE TABLE long (n int, v text);
         INSERT INTO filled SELECT generate_series(1, 5000); INSERT INTO long SELECT generate_series(1, 5000);",
        columns.join(", ")
    ));
    let options = ReadOptions { chunk_bytes: 1 << 20, max_record_bytes: 1 << 20 };
    let wide = source(&database, json!({ "table": "wide", "partitions": 1 }));
    let wide = read(&wide, None, options, usize::MAX).await.unwrap();
    assert_eq!(wide.numbers("c7"), (1..=3000).collect::<Vec<_>>());
    // Nulls take four bytes on their way: a block has few enough pages for all that.
    assert!(wide.batches.len() > 5, "{}", wide.batches.len());
    let gone = read(&source(&database, json!({ "table": "gone" })), None, LARGE, usize::MAX).await.unwrap();
    assert!(gone.batches.is_empty() && gone.end.is_some());
    for (table, by_blocks) in [("kept", true), ("gone", true), ("filled", false), ("long", false)] {
        let found = discover(&source(&database, json!({ "table": table, "partitions": 2 }))).await;
        assert_eq!(found[0].id.0.contains(" by "), by_blocks, "{found:?}");
        let names: BTreeSet<_> = found.iter().map(|partition| &partition.id.0).collect();
        assert_eq!(names.len(), 2);
        if table != "gone" {
            assert_eq!(
                counts(&source(&database, json!({ "table": table, "partitions": 2 })), "n").await.len(),
                5000
            );
        }
    }
}

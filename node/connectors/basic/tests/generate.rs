#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use etl_connector_basic::{GenerateSource, StdoutDestination};
use etl_model::Position;
use etl_sdk::conformance::{self, SourceReport};
use etl_sdk::{DestinationConnector, Fetched, ReadOptions, Source, SourceConnector};
use serde_json::{Value, json};

const OPTIONS: ReadOptions = ReadOptions { chunk_bytes: 1000, max_record_bytes: 1 << 20 };

fn generate(config: Value) -> Arc<dyn Source> {
    GenerateSource.configure(&config).unwrap()
}

async fn ids(config: Value) -> Vec<Vec<i64>> {
    let source = generate(config);
    let mut all = Vec::new();
    for partition in source.discover(&[]).await.unwrap().partitions {
        let mut reader = source.read(&partition, None, &OPTIONS).await.unwrap();
        let mut ids = Vec::new();
        while let Fetched::Chunk(chunk) = reader.next().await.unwrap() {
            for batch in chunk.decode().unwrap().batches {
                ids.extend_from_slice(batch.records().column(0).as_primitive::<Int64Type>().values());
            }
        }
        all.push(ids);
    }
    all
}

#[test]
fn descriptors_are_complete() {
    conformance::descriptor(&GenerateSource.descriptor()).unwrap();
    conformance::descriptor(&StdoutDestination.descriptor()).unwrap();
}

#[tokio::test]
async fn keeps_the_contract_of_a_source() {
    let report = conformance::source(|| generate(json!({ "rows": 200, "seed": 3 }))).await.unwrap();
    assert_eq!(report, SourceReport { partitions: 1, records: 200, ..report });
    assert!(report.replays > 20);
    conformance::source(|| generate(json!({ "rows": 10, "partitions": 16 }))).await.unwrap();
    conformance::source(|| generate(json!({ "rows": 20, "row_bytes": "10kB" }))).await.unwrap();
    conformance::source(|| generate(json!({ "partitions": 2 }))).await.unwrap();
    conformance::source(|| generate(json!({ "rows": 200, "rate": 50000.0 }))).await.unwrap();
}

#[tokio::test]
async fn partitions_hold_contiguous_ranges_that_cover_all_rows() {
    for (rows, partitions) in [(10, 3), (2, 5), (0, 2), (1000, 7)] {
        let ids = ids(json!({ "rows": rows, "partitions": partitions })).await;
        assert_eq!(ids.len(), partitions);
        assert_eq!(ids.concat(), (0..rows).collect::<Vec<i64>>());
    }
}

#[tokio::test]
async fn a_position_of_other_records_is_refused() {
    let source = generate(json!({ "rows": 10, "seed": 1 }));
    let partition = source.discover(&[]).await.unwrap().partitions.remove(0);
    let mut reader = source.read(&partition, None, &OPTIONS).await.unwrap();
    let Fetched::Chunk(chunk) = reader.next().await.unwrap() else { panic!("a chunk comes first") };
    let position = chunk.end();

    let other = generate(json!({ "rows": 10, "seed": 2 }));
    let error = other.read(&partition, Some(&position), &OPTIONS).await.err().unwrap();
    assert_eq!(error.code(), "source_changed");
    let beyond = Position { next: 11, cursor: position.cursor.clone() };
    assert!(source.read(&partition, Some(&beyond), &OPTIONS).await.is_err());
    let longer = generate(json!({ "rows": 20, "seed": 1 }));
    assert!(longer.read(&partition, Some(&position), &OPTIONS).await.is_ok());
}

#[tokio::test]
async fn a_slow_rate_idles_instead_of_waiting() {
    let source = generate(json!({ "rows": 10, "rate": 0.001 }));
    let partition = source.discover(&[]).await.unwrap().partitions.remove(0);
    let mut reader = source.read(&partition, None, &OPTIONS).await.unwrap();
    assert!(matches!(reader.next().await.unwrap(), Fetched::Idle(pause) if pause.as_secs() >= 900));
}

#[tokio::test]
async fn a_record_above_the_limit_is_refused() {
    let source = generate(json!({ "rows": 10, "row_bytes": "2MiB" }));
    let partition = source.discover(&[]).await.unwrap().partitions.remove(0);
    let error = source.read(&partition, None, &OPTIONS).await.err().unwrap();
    assert_eq!(error.code(), "record_too_large");
}

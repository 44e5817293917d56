//! How the tests read a source.

use std::collections::BTreeMap;
use std::sync::Arc;

use etl_connector_postgres::PostgresSource;
use etl_model::{Batch, PartitionId, Position, RecordError};
use etl_sdk::{
    ConnectorError, Fetched, PartitionInfo, PartitionReader, ReadOptions, Source, SourceConnector,
};
use etl_test_services::{Database, PostgresServer};
use serde_json::{Value, json};

/// One row a chunk.
pub const SINGLE: ReadOptions = ReadOptions { chunk_bytes: 1, max_record_bytes: 1 << 20 };
/// Many rows a chunk.
pub const LARGE: ReadOptions = ReadOptions { chunk_bytes: 1 << 16, max_record_bytes: 1 << 20 };

/// A new database, prepared with these statements.
pub fn database(sql: &str) -> Database {
    let database = PostgresServer::shared().fresh_database().unwrap();
    database.psql(sql).unwrap();
    database
}

pub fn source(database: &Database, mut config: Value) -> Arc<dyn Source> {
    config["url"] = json!(database.url());
    PostgresSource.configure(&config).unwrap()
}

/// What was read of a partition.
#[derive(Default)]
pub struct Read {
    pub batches: Vec<Batch>,
    pub errors: Vec<RecordError>,
    /// The position behind every chunk.
    pub positions: Vec<Position>,
    /// Set when the partition has ended.
    pub end: Option<Position>,
}

impl Read {
    pub fn rows(&self) -> Vec<Value> {
        rows(&self.batches)
    }

    /// The values of a column of integers.
    pub fn numbers(&self, column: &str) -> Vec<i64> {
        self.rows().iter().map(|row| row[column].as_i64().unwrap()).collect()
    }

    pub fn ordinals(&self) -> Vec<u64> {
        self.batches.iter().flat_map(|batch| batch.ordinals().values().to_vec()).collect()
    }
}

pub fn rows(batches: &[Batch]) -> Vec<Value> {
    let mut writer = arrow::json::ArrayWriter::new(Vec::new());
    batches.iter().for_each(|batch| writer.write(batch.records()).unwrap());
    writer.finish().unwrap();
    serde_json::from_slice(&writer.into_inner()).unwrap()
}

/// Reads at most so many chunks more.
pub async fn pull(reader: &mut dyn PartitionReader, chunks: usize) -> Result<Read, ConnectorError> {
    let mut read = Read::default();
    for _ in 0..chunks {
        match reader.next().await? {
            Fetched::Chunk(chunk) => {
                read.positions.push(chunk.end());
                let decoded = chunk.decode()?;
                read.batches.extend(decoded.batches);
                read.errors.extend(decoded.errors);
            }
            Fetched::End(end) => {
                read.end = Some(end);
                break;
            }
            Fetched::Idle(_) => panic!("a database has its rows at once"),
        }
    }
    Ok(read)
}

pub async fn discover(source: &Arc<dyn Source>) -> Vec<PartitionInfo> {
    source.discover(&[]).await.unwrap().partitions
}

pub fn ids(partitions: &[PartitionInfo]) -> Vec<PartitionId> {
    partitions.iter().map(|partition| partition.id.clone()).collect()
}

/// Reads at most so many chunks of the only partition from a position.
pub async fn read(
    source: &Arc<dyn Source>,
    from: Option<&Position>,
    options: ReadOptions,
    chunks: usize,
) -> Result<Read, ConnectorError> {
    let mut partitions = source.discover(&[]).await?.partitions;
    assert_eq!(partitions.len(), 1, "{partitions:?}");
    let mut reader = source.read(&partitions.remove(0), from, &options).await?;
    pull(reader.as_mut(), chunks).await
}

/// Reads the only partition whole.
pub async fn whole(database: &Database, config: Value) -> Result<Read, ConnectorError> {
    read(&source(database, config), None, LARGE, usize::MAX).await
}

/// The code of the error that reading the only partition ends with.
pub async fn failure(database: &Database, config: Value) -> ConnectorError {
    whole(database, config).await.map(drop).unwrap_err()
}

/// Reads all partitions, as many of them at once as there are; how often each value of `column` was seen.
pub async fn counts(source: &Arc<dyn Source>, column: &str) -> BTreeMap<String, usize> {
    let mut readers = Vec::new();
    for partition in discover(source).await {
        readers.push(source.read(&partition, None, &LARGE).await.unwrap());
    }
    let mut counts = BTreeMap::new();
    for reader in &mut readers {
        let read = pull(reader.as_mut(), usize::MAX).await.unwrap();
        assert!(read.errors.is_empty(), "{:?}", read.errors);
        // Only this column: the infinite moments of others have no form in JSON.
        let project = |batch: &Batch| {
            let at = batch.schema().index_of(column).unwrap();
            let records = batch.records().project(&[at]).unwrap();
            batch.clone().with_records(records).unwrap()
        };
        for row in rows(&read.batches.iter().map(project).collect::<Vec<_>>()) {
            *counts.entry(row[column].to_string()).or_default() += 1;
        }
    }
    counts
}

use async_trait::async_trait;
use etl_model::{PartitionId, Position};
use etl_sdk::{
    ConnectorError, Discovery, PartitionInfo, PartitionReader, ReadOptions, Source, SourceCapabilities,
};

use super::config::Config;
use super::reader::Reader;
use super::rows::{BASE_ROW_BYTES, Numbering, schema};
use crate::BasicError;

/// A configured generator.
#[derive(Debug)]
pub(super) struct Generator {
    config: Config,
}

impl Generator {
    pub(super) fn new(config: Config) -> Self {
        Self { config }
    }

    fn row_bytes(&self) -> u64 {
        self.config.row_bytes.unwrap_or(BASE_ROW_BYTES)
    }

    /// Which ids partition `index` holds, and how many where that is bounded.
    fn part(&self, index: u64) -> (Numbering, Option<u64>) {
        let partitions = self.config.partitions;
        match self.config.rows {
            Some(rows) => {
                // Wide arithmetic: `rows` may be as large as an id.
                let bound =
                    |index: u64| (u128::from(rows) * u128::from(index) / u128::from(partitions)) as u64;
                let first = bound(index);
                (Numbering { first, step: 1 }, Some(bound(index + 1) - first))
            }
            None => (Numbering { first: index, step: partitions }, None),
        }
    }

    fn index(&self, partition: &PartitionId) -> Result<u64, BasicError> {
        let unknown = || BasicError::UnknownPartition { id: partition.0.clone() };
        let index: u64 = partition.0.parse().map_err(|_| unknown())?;
        if index < self.config.partitions { Ok(index) } else { Err(unknown()) }
    }
}

#[async_trait]
impl Source for Generator {
    fn capabilities(&self) -> SourceCapabilities {
        let bounded = self.config.rows.is_some();
        let reason = (!bounded).then(|| "without `rows` the generator never ends".to_owned());
        SourceCapabilities { replayable: true, ordered: true, bounded, reason }
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn discover(&self, _known: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        let partitions = (0..self.config.partitions)
            .map(|index| {
                let (_, records) = self.part(index);
                let bytes = records.map(|records| records.saturating_mul(self.row_bytes()));
                PartitionInfo { id: PartitionId(index.to_string()), bytes, records }
            })
            .collect();
        Ok(Discovery { partitions, schema: Some(schema(self.config.row_bytes.is_some())), notes: Vec::new() })
    }

    async fn read(
        &self,
        partition: &PartitionInfo,
        from: Option<&Position>,
        options: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        let row_bytes = self.row_bytes();
        if row_bytes > options.max_record_bytes as u64 {
            return Err(BasicError::RecordTooLarge { row_bytes, limit: options.max_record_bytes }.into());
        }
        let (numbering, records) = self.part(self.index(&partition.id)?);
        let rate = self.config.rate.map(|rate| rate / self.config.partitions as f64);
        let chunk_rows = (options.chunk_bytes as u64 / row_bytes).max(1);
        let mut reader =
            Reader::new(numbering, records, self.config.seed, self.config.row_bytes, chunk_rows, rate);
        if let Some(position) = from {
            reader.seek(position)?;
        }
        Ok(Box::new(reader))
    }
}

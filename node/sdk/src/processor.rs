use etl_model::{Batch, RecordError};

use crate::{ConnectorError, ProcessorCapabilities, Repartition};

/// A configured transformation. Shared by all threads; holds compiled expressions per schema.
pub trait Processor: Send + Sync {
    /// What it promises.
    fn capabilities(&self) -> ProcessorCapabilities;

    /// How it divides records among shards, if that is what it is for. The engine then has them divided and does not call
    /// [`Processor::process`], which lets through what can be divided.
    fn repartition(&self) -> Option<&dyn Repartition> {
        None
    }

    /// Transforms one batch. Rows keep their ordinals. Every input row ends in exactly one of the three parts.
    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError>;
}

/// What became of a batch.
#[derive(Debug)]
pub struct Processed {
    /// The rows that go on.
    pub batch: Batch,
    /// Ordinals of rows that a condition removed, ascending.
    pub filtered: Vec<u64>,
    /// Rows that failed.
    pub errors: Vec<RecordError>,
}

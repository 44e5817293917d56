use async_trait::async_trait;
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

    /// Whether it is given the records that fail at the step it reads, instead of those that pass there.
    fn takes_errors(&self) -> bool {
        false
    }

    /// What transforms the batches of one partition in their order, if what becomes of a record depends on those before it.
    /// The engine then does not call [`Processor::process`]. It begins anew with the partition whenever a chain is opened,
    /// so that a record finds the same state as the first time; what the destinations have already is dropped there.
    fn begin(&self) -> Option<Box<dyn Sequential>> {
        None
    }

    /// The same as [`Processor::process`] for one that [waits](ProcessorCapabilities::waits): it asks before each call.
    /// Called on a thread that may block, inside a runtime.
    fn process_braked(&self, batch: Batch, brake: &dyn Brake) -> Result<Processed, ConnectorError> {
        let _ = brake;
        self.process(batch)
    }

    /// Transforms one batch. Every input row ends in exactly one of the three parts; one that goes on may do so as several
    /// rows with its ordinal, which stay together and ascend.
    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError>;
}

/// A transformation that remembers what it has seen of a partition.
pub trait Sequential: Send {
    /// Transforms the next batch of the partition, as [`Processor::process`] does.
    fn process(&mut self, batch: Batch) -> Result<Processed, ConnectorError>;
}

/// What holds the calls of a transformation back that waits for a system outside: the rate limit of its step.
#[async_trait]
pub trait Brake: Send + Sync {
    /// Waits until so many calls may be made, which send so many bytes.
    ///
    /// # Errors
    /// None may be made any more: the transformation has to return, with whatever result.
    async fn pass(&self, calls: u64, bytes: u64) -> Result<(), ConnectorError>;
}

/// Holds nothing back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unbraked;

#[async_trait]
impl Brake for Unbraked {
    async fn pass(&self, _: u64, _: u64) -> Result<(), ConnectorError> {
        Ok(())
    }
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

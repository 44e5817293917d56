use std::time::Duration;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use etl_model::{Batch, PartitionId, Position, RecordError};

use crate::{ConnectorError, SourceCapabilities};

/// A configured source. Cheap to build; all IO happens in the async methods.
#[async_trait]
pub trait Source: Send + Sync {
    /// What it promises.
    fn capabilities(&self) -> SourceCapabilities;

    /// Whether what it reads lies on this machine only, so that no other node can read it.
    fn is_local(&self) -> bool {
        false
    }

    /// Whether it can be reached and read, without reading much.
    async fn check(&self) -> Result<(), ConnectorError>;

    /// Its partitions in their order, and its schema where that is known before reading.
    ///
    /// `known` are the partitions of the interrupted run that is continued, or those whose completed positions an
    /// incremental run goes on from, in their order; empty for a run that begins anew. A source that cuts its
    /// partitions anew every time (key ranges of a table) must return these again.
    async fn discover(&self, known: &[PartitionId]) -> Result<Discovery, ConnectorError>;

    /// How often to look for further partitions while a run goes on, such as files that arrive; such a run never ends by
    /// itself. `None`: those that [`Source::discover`] tells first are all.
    fn rediscovery(&self) -> Option<Duration> {
        None
    }

    /// Opens a partition at a position (`None`: its beginning).
    ///
    /// The position may come from an earlier process; a partition whose already covered part has changed since must
    /// be refused with a user error that says so.
    async fn read(
        &self,
        partition: &PartitionInfo,
        from: Option<&Position>,
        options: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError>;
}

/// What `discover` found.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    /// All partitions, in the order in which a single reader would read them. Ids are unique and stable.
    pub partitions: Vec<PartitionInfo>,
    /// The schema of the records, if it is known.
    pub schema: Option<SchemaRef>,
    /// What a user should know before the run: columns read in another type, what a continuation means.
    pub notes: Vec<String>,
}

/// One partition as discovered.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionInfo {
    /// Its id.
    pub id: PartitionId,
    /// Bytes to read, as `Chunk::source_bytes` will count them, where known.
    pub bytes: Option<u64>,
    /// Records to read, where known.
    pub records: Option<u64>,
}

/// How the engine wants a partition read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    /// Bytes of raw data that one chunk should hold. A larger record makes a larger chunk.
    pub chunk_bytes: usize,
    /// Bytes of raw data above which a single record is refused as a user error.
    pub max_record_bytes: usize,
}

/// The sequential half of reading: finds record boundaries and positions, decodes nothing.
#[async_trait]
pub trait PartitionReader: Send {
    /// The next chunk. Called again only after the future has ended. Must not block the thread it is polled on
    /// (see [`crate::blocking`]).
    async fn next(&mut self) -> Result<Fetched, ConnectorError>;

    /// Everything before the position is durable at every destination and checkpointed; may be called with the same
    /// position twice.
    async fn acknowledge(&mut self, position: &Position) -> Result<(), ConnectorError> {
        let _ = position;
        Ok(())
    }
}

/// What a reader yields.
pub enum Fetched {
    /// Raw data of at least one record.
    Chunk(Box<dyn Chunk>),
    /// Nothing now; ask again after this time.
    Idle(Duration),
    /// The partition has ended; nothing follows the position.
    End(Position),
}

/// Raw data of whole records. Chunks of a partition are decoded by several threads at once and put in order after.
pub trait Chunk: Send {
    /// Bytes this chunk occupies now.
    fn memory(&self) -> usize;

    /// Bytes of the source it stands for (compressed bytes where the source is compressed).
    fn source_bytes(&self) -> u64;

    /// The position behind its last record.
    fn end(&self) -> Position;

    /// The parallel half of reading: pure, deterministic, CPU only. A malformed record is a [`RecordError`].
    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError>;
}

/// The records of a chunk.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Well-formed records in ascending order of ordinals, over all batches together.
    pub batches: Vec<Batch>,
    /// Malformed records.
    pub errors: Vec<RecordError>,
}

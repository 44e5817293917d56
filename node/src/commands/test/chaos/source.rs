use std::sync::Arc;
use std::time::{Duration, Instant};

use etl_model::{Batch, PartitionId, Position, StepName};
use etl_sdk::{
    Chunk, ConnectorError, Decoded, Discovery, Fetched, PartitionInfo, PartitionReader, ReadOptions, Source,
    SourceCapabilities,
};
use serde_json::Value;
use tonic::async_trait;

use super::life::Life;
use super::world::{Partition, World};

/// Partitions of a source; each has all records of the test, so that what becomes of one does not depend on the others.
pub(super) const PARTITIONS: usize = 3;
/// Chunks that a partition is cut into where it has so many records: as many units at each destination.
const CHUNKS: usize = 6;
/// Bytes that a record is said to occupy.
const RECORD_BYTES: usize = 256;
/// How often to look whether something was acknowledged, and how long.
const LOOK: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(2);

/// A source in memory that forgets what was acknowledged.
pub(super) struct TwinSource {
    pub name: StepName,
    /// See [`chunks`].
    pub chunks: Arc<[Batch]>,
    /// Whether it forgets; it must not where a transformation needs to see the partition from its beginning again.
    pub forgets: bool,
    pub life: Arc<Life>,
    pub world: World,
}

/// Small batches with the same records.
pub(super) fn chunks(batches: &[Batch]) -> Arc<[Batch]> {
    let rows: usize = batches.iter().map(Batch::len).sum();
    let most = rows.div_ceil(CHUNKS).max(1);
    let cut = |batch: &Batch| -> Vec<Batch> {
        (0..batch.len()).step_by(most).map(|from| batch.slice(from, most.min(batch.len() - from))).collect()
    };
    batches.iter().flat_map(cut).collect()
}

fn end(batch: &Batch) -> u64 {
    batch.ordinals().values().last().map_or(0, |last| last + 1)
}

fn position(next: u64) -> Position {
    Position { next, cursor: Value::Null }
}

#[async_trait]
impl Source for TwinSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { replayable: true, ordered: true, bounded: true, reason: None }
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn discover(&self, _: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        let count = if self.chunks.is_empty() { 0 } else { PARTITIONS };
        let info = |id: usize| PartitionInfo { id: PartitionId(id.to_string()), bytes: None, records: None };
        Ok(Discovery { partitions: (0..count).map(info).collect(), ..Discovery::default() })
    }

    async fn read(
        &self,
        partition: &PartitionInfo,
        from: Option<&Position>,
        _: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        // The first call that a chain makes behind its fences.
        self.life.pass("fenced").await;
        let partition = (self.name.clone(), partition.id.clone());
        let known = self.life.durably(|| self.world.lock().acknowledged.get(&partition).copied()).await;
        let forgotten = known.filter(|_| self.forgets).unwrap_or_default();
        Ok(Box::new(Reader {
            next: from.map_or(0, |from| from.next).max(forgotten),
            // One partition is enough to have checkpoints before the end, which the engine stores at times.
            waits: (partition.1.0 == "0" && self.chunks.len() > 1).then(|| Instant::now() + PATIENCE),
            chunks: Arc::clone(&self.chunks),
            partition,
            life: Arc::clone(&self.life),
            world: self.world.clone(),
        }))
    }
}

struct Reader {
    partition: Partition,
    chunks: Arc<[Batch]>,
    next: u64,
    /// Until when it waits behind the first chunk for its acknowledgement.
    waits: Option<Instant>,
    life: Arc<Life>,
    world: World,
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        let first = self.chunks.first().map_or(0, end);
        if self.next >= first && self.waits.is_some_and(|until| Instant::now() < until) {
            let acknowledged = || self.world.lock().acknowledged.get(&self.partition).copied();
            if self.life.durably(acknowledged).await.unwrap_or_default() < first {
                return Ok(Fetched::Idle(LOOK));
            }
            self.waits = None;
        }
        let Some(chunk) = self.chunks.iter().find(|chunk| end(chunk) > self.next) else {
            return Ok(Fetched::End(position(self.next)));
        };
        let batch = chunk.after(&position(self.next));
        self.next = end(chunk);
        self.life.pass("chunk_read").await;
        Ok(Fetched::Chunk(Box::new(Records(batch))))
    }

    async fn acknowledge(&mut self, position: &Position) -> Result<(), ConnectorError> {
        let acknowledge = || {
            let mut content = self.world.lock();
            let known = content.acknowledged.entry(self.partition.clone()).or_default();
            *known = position.next.max(*known);
        };
        self.life.durably(acknowledge).await;
        self.life.pass("source_acknowledged").await;
        Ok(())
    }
}

struct Records(Batch);

impl Chunk for Records {
    fn memory(&self) -> usize {
        self.0.len() * RECORD_BYTES
    }

    fn source_bytes(&self) -> u64 {
        self.memory() as u64
    }

    fn end(&self) -> Position {
        position(end(&self.0))
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        Ok(Decoded { batches: vec![self.0], errors: Vec::new() })
    }
}

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use etl_model::{Batch, PartitionId, Position, RecordError};
use etl_sdk::{
    Chunk, ConnectorError, Decoded, Discovery, Fetched, PartitionInfo, PartitionReader, ReadOptions, Source,
    SourceCapabilities,
};

/// Partitions of the numbers 0, 1, 2 ...; record `i` of partition `p` is `p * 1_000_000 + i`.
#[derive(Clone)]
pub struct Numbers {
    pub partitions: usize,
    /// Partitions that have come since.
    pub more: Arc<AtomicUsize>,
    /// How often to look for those.
    pub watch: Option<Duration>,
    /// Records of each partition; `None` for no end.
    pub records: Option<u64>,
    pub per_chunk: u64,
    /// Bytes each chunk claims to occupy.
    pub memory: usize,
    /// Which records are malformed.
    pub malformed: fn(u64) -> bool,
    /// Panics once when this record is read.
    pub panic_at: Option<u64>,
    /// Never returns when this record is read for the first time.
    pub hang_at: Option<u64>,
    pub hung: Arc<AtomicBool>,
    pub acknowledged: Arc<Mutex<Vec<u64>>>,
    /// Records read, over all attempts.
    pub read: Arc<AtomicU64>,
    /// Where readers began.
    pub opened_at: Arc<Mutex<Vec<u64>>>,
}

impl Numbers {
    pub fn new(partitions: usize, records: u64) -> Self {
        Self {
            partitions,
            more: Arc::default(),
            watch: None,
            records: Some(records),
            per_chunk: 10,
            memory: 1000,
            malformed: |_| false,
            panic_at: None,
            hang_at: None,
            hung: Arc::default(),
            acknowledged: Arc::default(),
            read: Arc::default(),
            opened_at: Arc::default(),
        }
    }
}

struct Reader {
    source: Numbers,
    partition: u64,
    next: u64,
}

struct Range {
    partition: u64,
    from: u64,
    to: u64,
    memory: usize,
    malformed: fn(u64) -> bool,
}

#[async_trait]
impl Source for Numbers {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { replayable: true, ordered: true, bounded: self.records.is_some(), reason: None }
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn discover(&self, _known: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        let partition =
            |p| PartitionInfo { id: PartitionId(format!("{p}")), bytes: None, records: self.records };
        let count = self.partitions + self.more.load(Ordering::SeqCst);
        Ok(Discovery { partitions: (0..count).map(partition).collect(), ..Discovery::default() })
    }

    fn rediscovery(&self) -> Option<Duration> {
        self.watch
    }

    async fn read(
        &self,
        partition: &PartitionInfo,
        from: Option<&Position>,
        _: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        let next = from.map_or(0, |position| position.next);
        self.opened_at.lock().unwrap().push(next);
        Ok(Box::new(Reader { source: self.clone(), partition: partition.id.0.parse().unwrap(), next }))
    }
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        let end = self.source.records.unwrap_or(u64::MAX);
        if self.next >= end {
            return Ok(Fetched::End(Position { next: self.next, cursor: serde_json::Value::Null }));
        }
        let to = (self.next + self.source.per_chunk).min(end);
        let holds = |at: Option<u64>| at.is_some_and(|at| (self.next..to).contains(&at));
        if holds(self.source.panic_at) {
            panic!("panic at {}", self.next);
        }
        if holds(self.source.hang_at) && !self.source.hung.swap(true, Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.source.records.is_none() {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        let range = Range {
            partition: self.partition,
            from: self.next,
            to,
            memory: self.source.memory,
            malformed: self.source.malformed,
        };
        self.source.read.fetch_add(to - self.next, Ordering::SeqCst);
        self.next = to;
        Ok(Fetched::Chunk(Box::new(range)))
    }

    async fn acknowledge(&mut self, position: &Position) -> Result<(), ConnectorError> {
        self.source.acknowledged.lock().unwrap().push(position.next);
        Ok(())
    }
}

impl Chunk for Range {
    fn memory(&self) -> usize {
        self.memory
    }

    fn source_bytes(&self) -> u64 {
        8 * (self.to - self.from)
    }

    fn end(&self) -> Position {
        Position { next: self.to, cursor: serde_json::Value::Null }
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        let is_bad = |i: &u64| (self.malformed)(*i);
        let good: Vec<u64> = (self.from..self.to).filter(|i| !is_bad(i)).collect();
        let errors = (self.from..self.to).filter(is_bad);
        let values = good.iter().map(|i| (self.partition * 1_000_000 + i) as i64);
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let column = Arc::new(Int64Array::from_iter_values(values));
        let records = RecordBatch::try_new(schema, vec![column]).unwrap();
        Ok(Decoded {
            batches: vec![Batch::new(records, UInt64Array::from(good)).unwrap()],
            errors: errors
                .map(|i| RecordError::new(i, "malformed", format!("record {i} is malformed")))
                .collect(),
        })
    }
}

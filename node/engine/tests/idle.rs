//! What partitions cost that have nothing to do. Alone in its process, whose memory and time it measures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use etl_engine::{ActorSystem, Crew, CrewEvent, CrewSetup, PartitionEnd, PartitionOrder, Progress, Taps};
use etl_model::{PartitionId, Position, StepName};
use etl_sdk::{
    ConnectorError, Discovery, Fetched, PartitionInfo, PartitionReader, ReadOptions, Source,
    SourceCapabilities,
};
use tokio::sync::mpsc;

#[allow(dead_code, unused_imports)]
#[path = "it/fakes/mod.rs"]
mod fakes;

use fakes::{Bed, Memory, Numbers};

const PARTITIONS: usize = 3000;
/// Bytes that one may cost. Optimized, and with all that a node keeps of it, it is to be 20 KiB.
const MOST: u64 = 22 << 10;
/// Records of each before it has none.
const RECORDS: u64 = 10;

/// Numbers, and then nothing for a long time.
struct Waiting(Numbers);

struct Reader(Box<dyn PartitionReader>);

#[async_trait]
impl Source for Waiting {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { bounded: false, ..self.0.capabilities() }
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.0.check().await
    }

    async fn discover(&self, known: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        self.0.discover(known).await
    }

    async fn read(
        &self,
        partition: &PartitionInfo,
        from: Option<&Position>,
        options: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        Ok(Box::new(Reader(self.0.read(partition, from, options).await?)))
    }
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        match self.0.next().await? {
            Fetched::End(_) => Ok(Fetched::Idle(Duration::from_secs(3600))),
            other => Ok(other),
        }
    }

    async fn acknowledge(&mut self, position: &Position) -> Result<(), ConnectorError> {
        self.0.acknowledge(position).await
    }
}

/// Bytes of this process that are in memory, from `/proc/self/statm` (proc(5)).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Processor time of this process so far, from `/proc/self/stat` (proc(5)).
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    Duration::from_millis(fields.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum())
}

#[test]
fn a_partition_that_waits_costs_little_memory_and_no_time() {
    let memory = Memory::default();
    let mut bed = Bed::new().source(Waiting(Numbers::new(PARTITIONS, RECORDS))).destination(
        "sink",
        &["source"],
        &memory,
    );
    bed.options.parallelism = NonZeroUsize::new(PARTITIONS).unwrap();
    let system = ActorSystem::start(NonZeroUsize::new(2).unwrap()).unwrap();
    let (sender, mut events) = mpsc::unbounded_channel();
    let before = resident();
    let setup = CrewSetup {
        run: bed.run.clone(),
        pipeline: bed.pipeline.clone(),
        replaces: Vec::new(),
        options: bed.options.clone(),
        state: Arc::new(bed.state.clone()),
        dead_letters: Arc::new(bed.state.clone()),
        progress: Arc::new(Progress::default()),
        taps: Arc::new(Taps::new(|_, _| serde_json::Value::Null)),
        events: sender,
    };
    let crew = Crew::start(&system, setup);
    let source = StepName::new("source").unwrap();
    for index in 0..PARTITIONS {
        let info = PartitionInfo { id: PartitionId(index.to_string()), bytes: None, records: None };
        crew.begin(PartitionOrder { source: source.clone(), info, index, start: None, is_begun: false })
            .unwrap();
    }
    let begun = Instant::now();
    let all = PARTITIONS * RECORDS as usize;
    while memory.rows().len() < all || bed.state.checkpoints.lock().unwrap().len() < PARTITIONS {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} rows", memory.rows().len());
        std::thread::sleep(Duration::from_millis(20));
    }
    // Until what has led to this is over.
    let quiet = || {
        let time = processor_time();
        std::thread::sleep(Duration::from_secs(1));
        processor_time() - time
    };
    let mut busy = quiet();
    for _ in 0..10 {
        let next = quiet();
        if next + Duration::from_millis(20) >= busy {
            break;
        }
        busy = next;
    }
    let each = (resident() - before) / PARTITIONS as u64;
    println!("{PARTITIONS} partitions that wait: {each} bytes each, {busy:?} of processor time a second");
    assert!(each <= MOST, "{each} bytes for each partition");
    // It has nothing to finish, so that it is let go of at once.
    let asked = Instant::now();
    crew.drain(7);
    let ended = events.blocking_recv();
    let is_drained =
        matches!(ended, Some(CrewEvent::Ended { partition: 7, end: PartitionEnd::Drained { .. } }));
    assert!(is_drained && asked.elapsed() < Duration::from_secs(5), "{ended:?} after {:?}", asked.elapsed());
    assert!(busy < Duration::from_millis(100), "{busy:?} of processor time a second");
}

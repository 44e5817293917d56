//! A cluster with a run of one source and one destination that notes who calls it and fails for some.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use etl_cluster::{Prepared, Workshop};
use etl_engine::{DeadLetters, DestinationStep, EngineOptions, Pipeline, SourceStep, StepLimits};
use etl_model::{ByteSize, Claim, Marker, OnError, RecordError, Route, Span, StepName, SyncMode, Unit};
use etl_raft_state::command::{PutWorkflow, StartRun};
use etl_raft_state::parts::RunPhase;
use etl_raft_state::{ContentHash, RunOutcome};
use etl_sdk::{
    ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, RetryPolicy, RouteWriter,
    RunContext,
};
use etl_workflow::Inputs;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::memory::Memory;
use crate::node::{Node, quick, three_with};
use crate::numbers::Numbers;
use crate::working::NoLetters;

/// What was called, and for whom calls fail. Clones are the same.
#[derive(Clone, Default)]
pub struct Log {
    /// When rows were handed over, by which node, and how many.
    pub writes: Arc<Mutex<Vec<(Instant, usize, u64)>>>,
    /// When a call has failed.
    pub failures: Arc<Mutex<Vec<Instant>>>,
    /// Nodes whose calls fail.
    pub down: Arc<Mutex<BTreeSet<usize>>>,
    /// One permit is taken by every completion, if there is one.
    pub completions: Option<Arc<Semaphore>>,
}

/// The destination as one node has it.
#[derive(Clone)]
pub struct Watched {
    pub memory: Memory,
    pub node: usize,
    pub log: Log,
}

struct WatchedWriter {
    writer: Box<dyn RouteWriter>,
    of: Watched,
}

impl Watched {
    fn call(&self) -> Result<(), ConnectorError> {
        if self.log.down.lock().unwrap().contains(&self.node) {
            self.log.failures.lock().unwrap().push(Instant::now());
            return Err(ConnectorError::transient("down", "connection refused"));
        }
        Ok(())
    }
}

#[async_trait]
impl Destination for Watched {
    fn capabilities(&self) -> DestinationCapabilities {
        self.memory.capabilities()
    }

    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError> {
        self.memory.check(run).await
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        self.memory.encoder()
    }

    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        self.call()?;
        let writer = self.memory.open(run, route, index).await?;
        Ok(Box::new(WatchedWriter { writer, of: self.clone() }))
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        if let Some(completions) = &self.log.completions {
            completions.acquire().await.unwrap().forget();
        }
        self.memory.complete(run, routes).await
    }
}

#[async_trait]
impl RouteWriter for WatchedWriter {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        self.writer.marker().await
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        self.writer.fence(claim).await
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        self.of.call()?;
        self.of.log.writes.lock().unwrap().push((Instant::now(), self.of.node, rows.rows));
        self.writer.write(rows).await
    }

    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        self.writer.stage(unit).await
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        self.of.call()?;
        self.writer.commit(unit).await
    }
}

/// Gives up at the first error, unless something else is to be waited for.
struct Shop {
    source: Numbers,
    destination: Arc<dyn Destination>,
    limits: StepLimits,
}

impl Workshop for Shop {
    fn prepare(&self, _: &str, _: &Inputs) -> Result<Prepared, String> {
        let step = |name: &str| StepName::new(name).unwrap();
        let mut pipeline = Pipeline::default();
        let source = Arc::new(self.source.clone());
        pipeline.sources.push(SourceStep {
            name: step("source"),
            on_error: OnError::Fail,
            conceals: false,
            source,
        });
        pipeline.destinations.push(DestinationStep {
            name: step("sink"),
            inputs: vec![step("source")],
            on_error: OnError::Fail,
            destination: Arc::clone(&self.destination),
        });
        pipeline.limits.insert(step("sink"), self.limits.clone());
        let options = EngineOptions {
            parallelism: NonZeroUsize::new(8).unwrap(),
            workers: NonZeroUsize::MIN,
            memory: ByteSize(64 << 20),
            commit_interval: Duration::from_millis(20),
            stall_timeout: Duration::from_secs(60),
            retry: RetryPolicy {
                max_attempts: 1,
                initial_backoff: Span(Duration::from_millis(1)),
                max_backoff: Span(Duration::from_millis(5)),
                backoff_multiplier: 1.0,
                ..RetryPolicy::default()
            },
        };
        Ok(Prepared { pipeline, options, sync: SyncMode::Full, placed: BTreeSet::new() })
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(NoLetters)
    }
}

/// Three nodes with a run that has not begun.
pub struct Site {
    pub nodes: Vec<Node>,
    pub memory: Memory,
    pub log: Log,
    pub run: Uuid,
    records: u64,
    partitions: usize,
}

impl Site {
    /// Without a gate, rows are written as fast as they come.
    pub async fn new(source: Numbers, limits: StepLimits, gate: Option<Arc<Semaphore>>, log: Log) -> Self {
        let memory = Memory { gate, ..Memory::default() };
        let (records, partitions) = (source.records.unwrap(), source.partitions);
        let shop = |node| -> Arc<dyn Workshop> {
            let destination = Arc::new(Watched { memory: memory.clone(), node, log: log.clone() });
            Arc::new(Shop { source: source.clone(), destination, limits: limits.clone() })
        };
        let nodes: Vec<Node> = three_with(&quick(), |number| Some(shop(number))).await.into();
        let hash = ContentHash::from([7; 32]);
        let (name, document) = ("numbers".to_owned(), "a workflow".to_owned());
        nodes[0].write(PutWorkflow { name, document, hash, expected_version: None, schedule: None }).await;
        Self { nodes, memory, log, run: Uuid::new_v4(), records, partitions }
    }

    /// Begins the run; `host` alone has the destination, by its number.
    pub async fn start(&self, host: Option<usize>) {
        let hosts = host.map(|host| ("sink".to_owned(), self.nodes[host].id())).into_iter().collect();
        let start = StartRun {
            run: self.run,
            workflow: "numbers".to_owned(),
            expected_version: None,
            replaces: None,
            pinned: None,
            hosts,
            parameters: Default::default(),
        };
        self.nodes[0].write(start).await;
    }

    pub fn phase(&self, node: usize) -> Option<RunPhase> {
        self.nodes[node].consensus.peek(|state| state.runs().get(self.run).map(|run| run.phase.clone()))
    }

    pub async fn until_completed(&self, node: usize) {
        let completed = Some(RunPhase::Finished(RunOutcome::Completed));
        self.nodes[node].until("the run is complete", || self.phase(node) == completed).await;
    }

    /// All rows of all partitions once.
    pub fn assert_complete(&self) {
        let mut rows = self.memory.rows();
        rows.sort_unstable();
        let of = |partition: i64| (0..self.records as i64).map(move |i| partition * 1_000_000 + i);
        assert_eq!(rows, (0..self.partitions as i64).flat_map(of).collect::<Vec<_>>());
    }

    pub async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
    }
}

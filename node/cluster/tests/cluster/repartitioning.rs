//! Rows that are divided among shards which nodes carry out for each other.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use etl_cluster::{Prepared, Workshop, decode_marker};
use etl_engine::{DeadLetters, DestinationStep, EngineOptions, Pipeline, ProcessorStep, SourceStep};
use etl_model::{ByteSize, Claim, Marker, OnError, RecordError, Route, Span, StepName, SyncMode, Unit};
use etl_raft::NodeId;
use etl_raft_state::command::{PutWorkflow, SetNodeState, StartRun};
use etl_raft_state::parts::RunPhase;
use etl_raft_state::{ContentHash, NodeState, RunOutcome};
use etl_sdk::{
    ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, Payload, RetryPolicy,
    RouteWriter, RunContext,
};
use etl_workflow::Inputs;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::divider::Remainders;
use crate::memory::Memory;
use crate::node::{Node, quick, three_with};
use crate::numbers::Numbers;
use crate::state::MemoryState;
use crate::working::{PARTITIONS, RECORDS, open};

pub const SHARDS: u16 = 6;

/// Which node was given rows of which shard.
pub type Noted = Arc<Mutex<BTreeMap<usize, BTreeSet<usize>>>>;

/// A destination as one node has it.
#[derive(Clone)]
struct Noting {
    memory: Memory,
    node: usize,
    noted: Noted,
    is_local: bool,
}

struct NotingWriter {
    writer: Box<dyn RouteWriter>,
    to: Noting,
}

#[async_trait]
impl Destination for Noting {
    fn capabilities(&self) -> DestinationCapabilities {
        self.memory.capabilities()
    }

    fn is_local(&self) -> bool {
        self.is_local
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
        let writer = self.memory.open(run, route, index).await?;
        Ok(Box::new(NotingWriter { writer, to: self.clone() }))
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        self.memory.complete(run, routes).await
    }
}

#[async_trait]
impl RouteWriter for NotingWriter {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        self.writer.marker().await
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        self.writer.fence(claim).await
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        if let Payload::Columns(batch) = &rows.payload {
            let numbers = batch.records().column(0).as_primitive::<Int64Type>();
            let mut noted = self.to.noted.lock().unwrap();
            for number in numbers.values() {
                let shard = Remainders::of(SHARDS).shard(*number);
                noted.entry(shard).or_default().insert(self.to.node);
            }
        }
        self.writer.write(rows).await
    }

    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        self.writer.stage(unit).await
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        self.writer.commit(unit).await
    }
}

/// Steps between the repartition and the destination, as the node of that number has them.
pub type Behind = Arc<dyn Fn(usize) -> Vec<ProcessorStep> + Send + Sync>;

struct Shop {
    source: Numbers,
    behind: Vec<ProcessorStep>,
    destination: Noting,
    letters: MemoryState,
}

pub fn step(name: &str) -> StepName {
    StepName::new(name).unwrap()
}

impl Workshop for Shop {
    fn prepare(&self, _: &str, _: &Inputs) -> Result<Prepared, String> {
        let on_error = OnError::Fail;
        let source = SourceStep {
            name: step("source"),
            on_error,
            conceals: false,
            source: Arc::new(self.source.clone()),
        };
        let divide = ProcessorStep {
            name: step("divide"),
            inputs: vec![step("source")],
            on_error,
            processor: Arc::new(Remainders::of(SHARDS)),
        };
        let sink = DestinationStep {
            name: step("sink"),
            inputs: vec![self.behind.last().map_or(step("divide"), |last| last.name.clone())],
            on_error,
            destination: Arc::new(self.destination.clone()),
        };
        let mut pipeline = Pipeline::default();
        pipeline.sources.push(source);
        pipeline.processors.push(divide);
        pipeline.processors.extend(self.behind.iter().cloned());
        pipeline.destinations.push(sink);
        Ok(Prepared {
            pipeline,
            options: EngineOptions {
                parallelism: NonZeroUsize::new(8).unwrap(),
                workers: NonZeroUsize::MIN,
                memory: ByteSize(64 << 20),
                commit_interval: Duration::from_millis(20),
                stall_timeout: Duration::from_secs(60),
                retry: RetryPolicy {
                    max_attempts: 3,
                    initial_backoff: Span(Duration::from_millis(1)),
                    max_backoff: Span(Duration::from_millis(5)),
                    backoff_multiplier: 1.0,
                    ..RetryPolicy::default()
                },
            },
            sync: SyncMode::Full,
            placed: BTreeSet::new(),
        })
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(self.letters.clone())
    }
}

pub struct Site {
    pub nodes: Vec<Node>,
    pub memory: Memory,
    pub gate: Arc<Semaphore>,
    /// Who has written rows of which shard.
    pub noted: Noted,
    /// What all nodes have set aside.
    pub letters: MemoryState,
    pub run: Uuid,
    /// What a node works with, by its number.
    pub shop: Arc<dyn Fn(usize) -> Arc<dyn Workshop> + Send + Sync>,
}

impl Site {
    /// Nothing is written before the gate opens.
    async fn new() -> Self {
        Self::hosted(None).await
    }

    /// The destination is on one node only, by its number.
    async fn hosted(host: Option<usize>) -> Self {
        Self::with(host, Arc::new(|_| Vec::new())).await
    }

    /// The same with steps behind the repartition.
    pub async fn with(host: Option<usize>, behind: Behind) -> Self {
        let hosts: Vec<(&str, usize)> = host.map(|host| ("sink", host)).into_iter().collect();
        Self::placed(&hosts, behind).await
    }

    /// The same with nodes for some of the steps.
    pub async fn placed(hosts: &[(&str, usize)], behind: Behind) -> Self {
        let is_local = hosts.iter().any(|(step, _)| *step == "sink");
        let gate = Arc::new(Semaphore::new(0));
        // Not all of a partition is read before the first of it is written.
        let row_bytes = Some(10_000);
        let memory = Memory { gate: Some(Arc::clone(&gate)), row_bytes, ..Memory::default() };
        let noted = Noted::default();
        let letters = MemoryState::default();
        let shop: Arc<dyn Fn(usize) -> Arc<dyn Workshop> + Send + Sync> = {
            let (memory, noted, letters) = (memory.clone(), Arc::clone(&noted), letters.clone());
            Arc::new(move |node| {
                let (memory, noted) = (memory.clone(), Arc::clone(&noted));
                let destination = Noting { memory, node, noted, is_local };
                let source = Numbers { memory: 50_000, ..Numbers::new(PARTITIONS, RECORDS) };
                Arc::new(Shop { source, behind: behind(node), destination, letters: letters.clone() })
            })
        };
        let nodes: Vec<Node> = three_with(&quick(), |number| Some(shop(number))).await.into();
        let (run, workflow) = (Uuid::new_v4(), "numbers".to_owned());
        let put = PutWorkflow {
            name: workflow.clone(),
            document: "a workflow".to_owned(),
            hash: ContentHash::from([7; 32]),
            expected_version: None,
            schedule: None,
        };
        nodes[0].write(put).await;
        let start = StartRun {
            run,
            workflow,
            expected_version: None,
            replaces: None,
            pinned: None,
            hosts: hosts.iter().map(|(step, node)| ((*step).to_owned(), nodes[*node].id())).collect(),
            parameters: Default::default(),
        };
        nodes[1].write(start).await;
        Self { nodes, memory, gate, noted, letters, run, shop }
    }

    pub fn hosts(&self) -> BTreeMap<String, NodeId> {
        self.nodes[0]
            .consensus
            .peek(|state| state.runs().get(self.run).map(|run| run.shards.clone()).unwrap_or_default())
    }

    pub async fn until_rows(&self, rows: usize) {
        let some = || {
            self.gate.add_permits(3);
            self.memory.rows().len() >= rows
        };
        self.nodes[0].until("some rows", some).await;
    }

    async fn complete(self) {
        self.completed(|_| true).await;
        self.stop().await;
    }

    /// Waits for the end of the run. Of all numbers those are delivered, each once.
    pub async fn completed(&self, is_delivered: impl Fn(i64) -> bool) {
        open(&self.gate);
        let phase =
            || self.nodes[0].consensus.peek(|state| state.runs().get(self.run).map(|run| run.phase.clone()));
        let completed = Some(RunPhase::Finished(RunOutcome::Completed));
        self.nodes[0].until("the run is complete", || phase() == completed).await;
        let mut rows = self.memory.rows();
        rows.sort_unstable();
        let of = |partition: i64| (0..RECORDS as i64).map(move |i| partition * 1_000_000 + i);
        let expected = (0..PARTITIONS as i64).flat_map(of).filter(|number| is_delivered(*number));
        assert!(rows.into_iter().eq(expected), "every row once");
        let ends = self.nodes[0].consensus.peek(|state| {
            let markers = state.checkpoints().of_run(self.run);
            let markers = markers.map(|(_, checkpoint)| decode_marker(&checkpoint.position).unwrap());
            markers.map(|marker| (marker.done, marker.position.unwrap().next)).collect::<Vec<_>>()
        });
        assert_eq!(ends, vec![(true, RECORDS); PARTITIONS * usize::from(SHARDS)]);
    }

    pub async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_with_equal_keys_of_all_partitions_meet_on_one_node() {
    let site = Site::new().await;
    open(&site.gate);
    let (noted, nodes) = (Arc::clone(&site.noted), site.nodes.iter().map(Node::id).collect::<Vec<_>>());
    site.nodes[0].until("shards have hosts", || site.hosts().len() == usize::from(SHARDS)).await;
    let hosts = site.hosts();
    site.complete().await;
    let noted = noted.lock().unwrap();
    assert_eq!(noted.len(), usize::from(SHARDS));
    for (shard, given) in noted.iter() {
        let host = hosts[&format!("sink.{shard}of{SHARDS}")];
        assert_eq!(given.iter().map(|node| nodes[*node]).collect::<Vec<_>>(), [host], "shard {shard}");
    }
    assert_eq!(hosts.values().collect::<BTreeSet<_>>().len(), 3, "all nodes have shards: {hosts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shards_of_a_node_that_is_lost_go_on_elsewhere() {
    let mut site = Site::new().await;
    site.until_rows(400).await;
    let lost = site.nodes[2].id();
    assert!(site.hosts().values().any(|host| *host == lost), "{:?}", site.hosts());
    let node = site.nodes.remove(2);
    node.place.network.cut(&node.place.addresses());
    site.nodes[0].until("its shards are elsewhere", || site.hosts().values().all(|host| *host != lost)).await;
    // What it still does is kept out.
    let (nodes, network) = (site.hosts().len(), node.place.network.clone());
    assert_eq!(nodes, usize::from(SHARDS));
    site.complete().await;
    network.heal();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shards_of_a_node_that_stops_or_drains_go_on_elsewhere() {
    let mut site = Site::new().await;
    site.until_rows(400).await;
    let leaving = site.nodes[1].id();
    let drain = SetNodeState { node: leaving, from: NodeState::Up, to: NodeState::Draining };
    site.nodes[0].write(drain).await;
    site.nodes[0]
        .until("its shards are elsewhere", || site.hosts().values().all(|host| *host != leaving))
        .await;
    let before = site.memory.rows().len();
    site.until_rows(before + 400).await;
    let stopped = site.nodes.remove(2);
    assert!(site.hosts().values().any(|host| *host == stopped.id()));
    stopped.stop().await;
    site.complete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_one_node_has_gets_all_shards_there() {
    let site = Site::hosted(Some(1)).await;
    let noted = Arc::clone(&site.noted);
    site.until_rows(400).await;
    assert_eq!(site.hosts(), BTreeMap::new());
    site.complete().await;
    let noted = noted.lock().unwrap();
    let everywhere = |given: &BTreeSet<usize>| given.iter().eq(&[1]);
    assert!(noted.len() == usize::from(SHARDS) && noted.values().all(everywhere), "{noted:?}");
}

//! Nodes that work on the partitions of a run, with sources and destinations in memory.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use etl_cluster::{Prepared, Workshop, decode_marker};
use etl_engine::{DeadLetter, DeadLetters, DestinationStep, EngineOptions, Pipeline, PortError, SourceStep};
use etl_model::{ByteSize, OnError, Route, RunId, Span, StepName, SyncMode};
use etl_raft::NodeId;
use etl_raft_state::command::{HaltRun, PutWorkflow, ResumeRun, SetNodeState, StartRun};
use etl_raft_state::parts::{Halt, RunPhase};
use etl_raft_state::{ContentHash, NodeState, PartitionKey, RunOutcome};
use etl_sdk::{Destination, RetryPolicy};
use etl_workflow::Inputs;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::hosting::Elsewhere;
use crate::memory::Memory;
use crate::node::{Node, Place, quick, three_with};
use crate::numbers::Numbers;

/// The same source and destination for all nodes.
struct Shop {
    source: Numbers,
    destination: Arc<dyn Destination>,
}

pub struct NoLetters;

impl DeadLetters for NoLetters {
    fn put(&self, _: RunId, _: &Route, _: u64, _: &[DeadLetter]) -> Result<(), PortError> {
        Ok(())
    }

    fn truncate(&self, _: RunId, _: &Route, _: u64) -> Result<(), PortError> {
        Ok(())
    }
}

fn step(name: &str) -> StepName {
    StepName::new(name).unwrap()
}

impl Workshop for Shop {
    fn prepare(&self, _: &str, _: &Inputs) -> Result<Prepared, String> {
        let source = SourceStep {
            name: step("source"),
            conceals: false,
            on_error: OnError::Fail,
            source: Arc::new(self.source.clone()),
        };
        let destination = DestinationStep {
            name: step("sink"),
            inputs: vec![step("source")],
            on_error: OnError::Fail,
            destination: Arc::clone(&self.destination),
        };
        let mut pipeline = Pipeline::default();
        pipeline.sources.push(source);
        pipeline.destinations.push(destination);
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
        Arc::new(NoLetters)
    }
}

/// A cluster with a run, and what the run delivers.
pub struct Site {
    pub nodes: Vec<Node>,
    pub memory: Memory,
    pub gate: Arc<Semaphore>,
    pub run: Uuid,
    shop: Arc<Shop>,
}

pub const PARTITIONS: usize = 6;
pub const RECORDS: u64 = 2000;

impl Site {
    /// Nothing is written before the gate opens.
    async fn new(source: Numbers) -> Self {
        Self::hosted(source, None).await
    }

    /// The destination is on one node only, by its number.
    pub async fn hosted(source: Numbers, host: Option<usize>) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let memory = Memory { gate: Some(Arc::clone(&gate)), ..Memory::default() };
        let shop = Arc::new(Shop { source: source.clone(), destination: Arc::new(memory.clone()) });
        let elsewhere = Arc::new(Shop { source, destination: Arc::new(Elsewhere(memory.clone())) });
        let shop_of = |number| match host.is_none_or(|host| host == number) {
            true => Arc::clone(&shop),
            false => Arc::clone(&elsewhere),
        };
        let nodes: Vec<Node> = three_with(&quick(), |number| Some(shop_of(number) as _)).await.into();
        let run = Uuid::new_v4();
        let document = "a workflow".to_owned();
        let hash = ContentHash::from([7; 32]);
        let workflow = "numbers".to_owned();
        let name = workflow.clone();
        nodes[0].write(PutWorkflow { name, document, hash, expected_version: None, schedule: None }).await;
        let hosts = host.map(|host| ("sink".to_owned(), nodes[host].id())).into_iter().collect();
        let parameters = Default::default();
        let start = StartRun {
            run,
            workflow,
            expected_version: None,
            replaces: None,
            pinned: None,
            hosts,
            parameters,
        };
        nodes[1].write(start).await;
        Self { nodes, memory, gate, run, shop }
    }

    pub fn phase(&self, node: usize) -> Option<RunPhase> {
        self.nodes[node].consensus.peek(|state| state.runs().get(self.run).map(|run| run.phase.clone()))
    }

    pub async fn until_completed(&self, node: usize) {
        let completed = Some(RunPhase::Finished(RunOutcome::Completed));
        self.nodes[node].until("the run is complete", || self.phase(node) == completed).await;
    }

    /// Partitions by the nodes that have claimed them.
    fn claimed(&self, node: usize) -> Vec<(NodeId, PartitionKey)> {
        self.nodes[node].consensus.peek(|state| {
            let claimed =
                state.assignments().of_run(self.run).filter(|(_, known)| known.claimed_by.is_some());
            claimed.map(|(key, known)| (known.owner, key.clone())).collect()
        })
    }

    pub fn owners(&self, node: usize) -> BTreeSet<NodeId> {
        let partitions = self.claimed(node).into_iter().filter(|(_, key)| !key.is_coordinator());
        partitions.map(|(owner, _)| owner).collect()
    }

    pub async fn until_spread(&self) {
        let all: BTreeSet<NodeId> = self.nodes.iter().map(Node::id).collect();
        // Whoever waits at the gate has to get through to be able to let go of a partition that is to move.
        self.nodes[0]
            .until("all nodes work", || {
                self.gate.add_permits(1);
                self.owners(0) == all
            })
            .await;
    }

    /// All rows of all partitions once, and every checkpoint at its end.
    pub fn assert_complete(&self, node: usize) {
        let mut rows = self.memory.rows();
        rows.sort_unstable();
        let of = |partition: i64| (0..RECORDS as i64).map(move |i| partition * 1_000_000 + i);
        assert_eq!(rows, (0..PARTITIONS as i64).flat_map(of).collect::<Vec<_>>());
        let ends = self.nodes[node].consensus.peek(|state| {
            let markers = state.checkpoints().of_run(self.run);
            let markers = markers.map(|(_, checkpoint)| decode_marker(&checkpoint.position).unwrap());
            markers.map(|marker| (marker.done, marker.position.unwrap().next)).collect::<Vec<_>>()
        });
        assert_eq!(ends, vec![(true, RECORDS); PARTITIONS]);
        assert!(self.memory.content.lock().unwrap().completed >= 1);
    }

    pub async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
    }
}

pub fn open(gate: &Semaphore) {
    gate.add_permits(1 << 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_work_on_a_run_until_it_is_complete() {
    let site = Site::new(Numbers::new(PARTITIONS, RECORDS)).await;
    site.until_spread().await;
    open(&site.gate);
    site.until_completed(2).await;
    site.assert_complete(2);
    site.stop().await;
}

/// The old owner does not know yet that it has been robbed, and goes on: fences keep what it commits out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_had_that_was_cut_off_goes_on_elsewhere() {
    let site = Site::new(Numbers::new(PARTITIONS, RECORDS)).await;
    site.until_spread().await;
    let some = || {
        site.gate.add_permits(1);
        site.memory.rows().len() >= 400
    };
    site.nodes[0].until("some rows", some).await;
    let network = site.nodes[0].place.network.clone();
    network.cut(&site.nodes[2].place.addresses());
    let lost = site.nodes[2].id();
    site.nodes[0].until("its partitions are elsewhere", || !site.owners(0).contains(&lost)).await;
    open(&site.gate);
    site.until_completed(0).await;
    site.assert_complete(0);
    network.heal();
    site.until_completed(2).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_lets_others_go_on_also_as_the_coordinator() {
    let mut site = Site::new(Numbers::new(PARTITIONS, RECORDS)).await;
    site.until_spread().await;
    let coordinator = PartitionKey::coordinator(site.run);
    let claimed = site.claimed(0).into_iter().find(|(_, key)| *key == coordinator);
    let owner = claimed.expect("a spread run has a coordinator").0;
    let place = site.nodes.iter().position(|node| node.id() == owner).unwrap();
    site.nodes.remove(place).stop().await;
    open(&site.gate);
    site.until_completed(0).await;
    site.assert_complete(0);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_drains_gives_everything_away_and_one_that_joins_gets_its_share() {
    let mut site = Site::new(Numbers::new(PARTITIONS, RECORDS)).await;
    site.until_spread().await;
    let leaving = site.nodes[1].id();
    let drain = SetNodeState { node: leaving, from: NodeState::Up, to: NodeState::Draining };
    site.nodes[0].write(drain).await;
    let has_nothing = || {
        site.nodes[0].consensus.peek(|state| {
            let of_node = state.assignments().of_owner(leaving);
            of_node
                .filter(|(_, known)| known.state != etl_raft_state::parts::AssignmentState::Released)
                .count()
        }) == 0
    };
    site.nodes[0]
        .until("everything is elsewhere", || {
            site.gate.add_permits(1);
            has_nothing()
        })
        .await;
    let mut place = Place::on(&site.nodes[0].place.network, quick()).await;
    place.workshop = Some(Arc::clone(&site.shop) as _);
    let fourth = place.start(&[&site.nodes[0]]).await;
    let joined = fourth.id();
    site.nodes.push(fourth);
    site.nodes[0]
        .until("the new node works", || {
            site.gate.add_permits(1);
            site.owners(0).contains(&joined) || site.phase(0) != Some(RunPhase::Running)
        })
        .await;
    open(&site.gate);
    site.until_completed(3).await;
    site.assert_complete(3);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_run_lets_go_of_everything_and_goes_on_where_it_was() {
    let site = Site::new(Numbers::new(PARTITIONS, RECORDS)).await;
    site.until_spread().await;
    site.nodes[0].write(HaltRun { run: site.run, halt: Halt::Paused, by: None }).await;
    let nobody_works = || {
        site.gate.add_permits(1);
        let held = |state: &etl_raft_state::State| {
            let of_run = state.assignments().of_run(site.run);
            of_run
                .filter(|(_, known)| known.state != etl_raft_state::parts::AssignmentState::Released)
                .count()
        };
        site.nodes[0].consensus.peek(held) == 0
    };
    site.nodes[0].until("nobody works on it", nobody_works).await;
    let before = site.memory.rows().len();
    open(&site.gate);
    site.nodes[1].write(ResumeRun { run: site.run, version: 1, takes_over: false }).await;
    site.until_completed(0).await;
    assert!(before < site.memory.rows().len(), "there was something left to do");
    site.assert_complete(0);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_come_later_are_worked_on_without_a_restart() {
    let watched = Numbers { watch: Some(Duration::from_millis(50)), ..Numbers::new(PARTITIONS, RECORDS) };
    let more = Arc::clone(&watched.more);
    let mut site = Site::new(watched).await;
    site.until_spread().await;
    open(&site.gate);
    let delivered = |site: &Site, partitions: usize| {
        let mut rows = site.memory.rows();
        rows.sort_unstable();
        let of = |partition: i64| (0..RECORDS as i64).map(move |i| partition * 1_000_000 + i);
        rows.into_iter().eq((0..partitions as i64).flat_map(of))
    };
    site.nodes[0].until("what was there first is delivered", || delivered(&site, PARTITIONS)).await;
    more.store(3, Ordering::SeqCst);
    site.nodes[0].until("what came is delivered", || delivered(&site, PARTITIONS + 3)).await;
    // Whoever coordinates the run next goes on looking.
    let coordinator = PartitionKey::coordinator(site.run);
    let (owner, _) = site.claimed(0).into_iter().find(|(_, key)| *key == coordinator).unwrap();
    let place = site.nodes.iter().position(|node| node.id() == owner).unwrap();
    site.nodes.remove(place).stop().await;
    more.store(5, Ordering::SeqCst);
    site.nodes[0].until("what came then is delivered", || delivered(&site, PARTITIONS + 5)).await;
    assert_eq!(site.phase(0), Some(RunPhase::Running), "it does not end by itself");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_cannot_go_on_halts_the_run_and_says_where() {
    let source = Numbers { malformed: |i| i == 1234, ..Numbers::new(PARTITIONS, RECORDS) };
    let site = Site::new(source).await;
    open(&site.gate);
    site.nodes[0].until("the run is halted", || matches!(site.phase(0), Some(RunPhase::Halted(_)))).await;
    let Some(RunPhase::Halted(Halt::Failed { message })) = site.phase(0) else { panic!() };
    let is_told = |part: &str| assert!(message.contains(part), "{message}");
    ["node ", "partition `", "of `source`", "record 1234 is malformed", "on_error: dead_letter"]
        .into_iter()
        .for_each(is_told);
    site.stop().await;
}

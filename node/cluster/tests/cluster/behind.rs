//! Steps behind a repartition: they are carried out by the node that writes the shard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use etl_cluster::decode_marker;
use etl_engine::ProcessorStep;
use etl_model::{Batch, Counters, OnError};
use etl_raft_state::NodeState;
use etl_raft_state::command::SetNodeState;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use crate::divider::Remainders;
use crate::node::{Node, Place, quick};
use crate::processors::{FailMultiples, KeepMultiples};
use crate::repartitioning::{Behind, Noted, SHARDS, Site, step};
use crate::working::{PARTITIONS, RECORDS, open};

/// A transformation that notes which node has computed rows of which shard, and how many rows were computed in all.
struct Noting<P> {
    real: P,
    node: usize,
    notes: Notes,
}

#[derive(Clone, Default)]
struct Notes {
    noted: Noted,
    rows: Arc<AtomicU64>,
}

impl<P: Processor> Processor for Noting<P> {
    fn capabilities(&self) -> ProcessorCapabilities {
        self.real.capabilities()
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let numbers = batch.records().column(0).as_primitive::<Int64Type>();
        self.notes.rows.fetch_add(batch.len() as u64, Ordering::SeqCst);
        let mut noted = self.notes.noted.lock().unwrap();
        for number in numbers.values() {
            noted.entry(Remainders::of(SHARDS).shard(*number)).or_default().insert(self.node);
        }
        drop(noted);
        self.real.process(batch)
    }
}

/// Multiples of 7 fail and are set aside, what is odd of the rest is left out.
fn behind() -> (Behind, Notes) {
    let all = Notes::default();
    let notes = all.clone();
    let behind = move |node| {
        let notes = notes.clone();
        let picky = ProcessorStep {
            name: step("picky"),
            inputs: vec![step("divide")],
            on_error: OnError::DeadLetter,
            processor: Arc::new(Noting { real: FailMultiples(7), node, notes }),
        };
        let even = ProcessorStep {
            name: step("even"),
            inputs: vec![step("picky")],
            on_error: OnError::Fail,
            processor: Arc::new(KeepMultiples(2)),
        };
        vec![picky, even]
    };
    (Arc::new(behind), all)
}

fn is_delivered(number: i64) -> bool {
    number % 7 != 0 && number % 2 == 0
}

/// All rows once, every letter once and with its step, and counters that say so.
async fn assert_exact(site: &Site) {
    site.completed(is_delivered).await;
    let numbers = || (0..PARTITIONS as i64).flat_map(|p| (0..RECORDS as i64).map(move |i| (p, i)));
    let number = |(partition, i): (i64, i64)| partition * 1_000_000 + i;
    let mut expected: Vec<(i64, i64)> = numbers().filter(|at| number(*at) % 7 == 0).collect();
    expected.sort_unstable();
    let letters = site.letters.letters.lock().unwrap();
    let mut kept = Vec::new();
    for ((route, _), letters) in letters.iter() {
        let partition: i64 = route.partition.0.parse().unwrap();
        assert!(letters.iter().all(|letter| letter.step == step("picky")));
        kept.extend(letters.iter().map(|letter| (partition, letter.error.ordinal as i64)));
    }
    kept.sort_unstable();
    assert_eq!(kept, expected, "every letter once");
    drop(letters);
    let mut sum = Counters::default();
    site.nodes[0].consensus.peek(|state| {
        for (_, checkpoint) in state.checkpoints().of_run(site.run) {
            let counters = decode_marker(&checkpoint.position).unwrap().counters;
            assert!(counters.balanced());
            sum += counters;
        }
    });
    let delivered = numbers().filter(|at| is_delivered(number(*at))).count() as u64;
    let all = PARTITIONS as u64 * RECORDS;
    assert_eq!((sum.read, sum.delivered), (all, delivered));
    assert_eq!((sum.dead_lettered, sum.filtered), (kept.len() as u64, all - delivered - kept.len() as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_behind_a_repartition_run_where_their_shard_is_written() {
    let (behind, notes) = behind();
    let site = Site::with(None, behind).await;
    open(&site.gate);
    let nodes: Vec<_> = site.nodes.iter().map(Node::id).collect();
    site.nodes[0].until("shards have hosts", || site.hosts().len() == usize::from(SHARDS)).await;
    let hosts = site.hosts();
    assert_exact(&site).await;
    assert_eq!(site.hosts(), hosts, "nothing had to move");
    assert_eq!(hosts.values().collect::<BTreeSet<_>>().len(), 3, "all nodes have shards: {hosts:?}");
    {
        let noted = notes.noted.lock().unwrap();
        assert_eq!(noted.len(), usize::from(SHARDS));
        for (shard, computed) in noted.iter() {
            let host = hosts[&format!("sink.{shard}of{SHARDS}")];
            let computed: Vec<_> = computed.iter().map(|node| nodes[*node]).collect();
            assert_eq!(computed, [host], "shard {shard} is computed by the node that writes it");
        }
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_steps_of_a_shard_whose_node_is_lost_go_on_elsewhere_and_nothing_is_counted_twice() {
    let (behind, _) = behind();
    let mut site = Site::with(None, behind).await;
    site.until_rows(400).await;
    let lost = site.nodes[2].id();
    assert!(site.hosts().values().any(|host| *host == lost), "{:?}", site.hosts());
    let node = site.nodes.remove(2);
    node.place.network.cut(&node.place.addresses());
    site.nodes[0].until("its shards are elsewhere", || site.hosts().values().all(|host| *host != lost)).await;
    assert_exact(&site).await;
    node.place.network.heal();
    node.stop().await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_that_lead_to_a_destination_of_one_node_run_there() {
    let (behind, notes) = behind();
    let site = Site::with(Some(1), behind).await;
    assert_exact(&site).await;
    {
        let noted = notes.noted.lock().unwrap();
        assert!(
            noted.len() == usize::from(SHARDS) && noted.values().all(|at| at.iter().eq(&[1])),
            "{noted:?}"
        );
    }
    site.stop().await;
}

/// Rows would have to go there and come back: its node is asked by those of the partitions, as in front of a repartition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_behind_that_has_a_node_of_its_own_keeps_it() {
    let (behind, notes) = behind();
    let site = Site::placed(&[("picky", 1)], behind).await;
    assert_exact(&site).await;
    assert_eq!(site.hosts().values().collect::<BTreeSet<_>>().len(), 3, "shards are written by all nodes");
    {
        let noted = notes.noted.lock().unwrap();
        assert!(
            noted.len() == usize::from(SHARDS) && noted.values().all(|at| at.iter().eq(&[1])),
            "{noted:?}"
        );
    }
    site.stop().await;
}

fn of_node(hosts: &BTreeMap<String, u64>, node: u64) -> usize {
    hosts.values().filter(|host| **host == node).count()
}

/// A node that joins is given shards, one that drains gives them away, and every row is written once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_are_spread_again_when_a_node_joins_or_leaves() {
    let (behind, notes) = behind();
    let mut site = Site::with(None, behind).await;
    site.until_rows(200).await;
    let mut place = Place::on(&site.nodes[0].place.network, quick()).await;
    place.workshop = Some((site.shop)(3));
    let fourth = place.start(&[&site.nodes[0]]).await;
    let joined = fourth.id();
    site.nodes.push(fourth);
    // Nothing is written meanwhile, so that much is left for the node that joined.
    let has_some = || of_node(&site.hosts(), joined) > 0;
    site.nodes[0].until("the node that joined has shards", has_some).await;
    let works = || {
        site.gate.add_permits(30);
        notes.noted.lock().unwrap().values().any(|nodes| nodes.contains(&3))
    };
    site.nodes[0].until("and works on them", works).await;
    let spread = site.hosts();
    assert!(site.nodes.iter().all(|node| (1..=2).contains(&of_node(&spread, node.id()))), "{spread:?}");
    let drain = SetNodeState { node: joined, from: NodeState::Up, to: NodeState::Draining };
    site.nodes[0].write(drain).await;
    let has_none = || of_node(&site.hosts(), joined) == 0;
    site.nodes[0].until("its shards are elsewhere", has_none).await;
    assert_exact(&site).await;
    let computed = notes.rows.load(Ordering::SeqCst);
    // A node that is slow is taken for lost, and what it had under way is done again; nearly all of it is not.
    assert!(computed < 2 * PARTITIONS as u64 * RECORDS, "{computed} rows were computed");
    site.stop().await;
}

//! Runs that begin by themselves, by a clock that the test moves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use etl_raft::consensus::Clock;
use etl_raft_state::command::{FinishRun, PutWorkflow, WorkflowSchedule};
use etl_raft_state::parts::{CatchUp, Overlap, Run, RunPhase, Schedule};
use etl_raft_state::{ContentHash, RunOutcome};
use uuid::Uuid;

use crate::node::{Node, Place, leader, quick};

const MINUTE: u64 = 60_000;
/// 2024-03-31T00:50:00Z: in Berlin the clock is put from 2:00 to 3:00 ten minutes later. In the past, as the state compares
/// ticks with the real clock, too.
const BEGINNING: u64 = 1_711_846_200_000;

/// A clock that stands still until it is moved, the same for all nodes.
#[derive(Clone)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn clock(&self) -> Clock {
        let hand = self.0.clone();
        Arc::new(move || hand.load(Ordering::SeqCst))
    }

    fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

struct Site {
    nodes: Vec<Node>,
    hand: Hand,
}

impl Site {
    async fn new() -> Self {
        let hand = Hand(Arc::new(AtomicU64::new(BEGINNING)));
        let network = Arc::default();
        let place = async || {
            let mut place = Place::on(&network, quick()).await;
            place.clock = hand.clock();
            place
        };
        let first = place().await.found().await;
        let second = place().await.start(&[&first]).await;
        let third = place().await.start(&[&first]).await;
        let all = [&first, &second, &third];
        for node in all {
            node.until_voters(&all).await;
        }
        Self { nodes: vec![first, second, third], hand }
    }

    /// A workflow without anything to do, whose runs end when the test says so.
    async fn put(&self, name: &str, cron: &str, overlap: Overlap, catch_up: CatchUp, next_fire_ms: u64) {
        let schedule = WorkflowSchedule {
            cron: cron.to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            overlap,
            catch_up,
            next_fire_ms,
            pinned: None,
            hosts: Default::default(),
        };
        let mut hash = [0; 32];
        hash[..name.len()].copy_from_slice(name.as_bytes());
        let put = PutWorkflow {
            name: name.to_owned(),
            document: name.to_owned(),
            hash: ContentHash::from(hash),
            expected_version: Some(0),
            schedule: Some(schedule),
        };
        self.nodes[0].write(put).await;
    }

    /// As the first node knows it; a node that has started again knows little at first.
    fn schedule(&self, name: &str) -> Option<Schedule> {
        self.nodes[0].consensus.peek(|state| state.schedules().get(name).cloned())
    }

    fn next(&self, name: &str) -> Option<u64> {
        self.schedule(name).map(|schedule| schedule.next_fire_ms)
    }

    fn runs(&self, name: &str) -> Vec<(Uuid, Run)> {
        self.nodes[0].consensus.peek(|state| {
            let of_workflow = state.runs().iter().filter(|(_, run)| run.workflow == name);
            of_workflow.map(|(id, run)| (id, run.clone())).collect()
        })
    }

    /// Waits until the tick after the one of now is the next one.
    async fn until_next(&self, name: &str, next_ms: u64) {
        let what = format!("the next tick of {name} at {next_ms}");
        self.nodes[0].until(&what, || self.next(name) == Some(next_ms)).await;
    }

    async fn leader(&self) -> usize {
        let nodes: Vec<&Node> = self.nodes.iter().collect();
        let leader = leader(&nodes).await.id();
        self.nodes.iter().position(|node| node.id() == leader).unwrap()
    }

    /// Ends the runs of a workflow until no tick is due, and counts those that there are in the end.
    async fn exhaust(&self, name: &str, next_ms: u64) -> usize {
        let is_active = |run: &Run| run.phase == RunPhase::Running;
        loop {
            let is_over =
                || self.next(name) == Some(next_ms) || self.runs(name).iter().any(|(_, run)| is_active(run));
            self.nodes[0].until("a run, or all ticks used up", is_over).await;
            let Some((run, _)) = self.runs(name).into_iter().find(|(_, run)| is_active(run)) else {
                return self.runs(name).len();
            };
            self.nodes[0].write(FinishRun { run, outcome: RunOutcome::Cancelled, by: None }).await;
        }
    }

    async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tick_fires_once_although_leaders_stop_around_it() {
    let mut site = Site::new().await;
    site.put("orders", "*/5 * * * *", Overlap::Replace, CatchUp::One, BEGINNING + 5 * MINUTE).await;
    let mut leaders = BTreeSet::new();
    for (ticks, round) in (1..=4_u64).enumerate() {
        let tick = BEGINNING + round * 5 * MINUTE;
        site.until_next("orders", tick).await;
        assert_eq!(site.runs("orders").len(), ticks);
        let leading = site.leader().await;
        leaders.insert(site.nodes[leading].id());
        // The leader sees the tick or does not, is asked for it again or is not.
        site.hand.set(tick);
        let place = site.nodes.remove(leading).stop().await;
        site.until_next("orders", tick + 5 * MINUTE).await;
        let back = place.start(&[]).await;
        site.nodes.push(back);
    }
    assert!(leaders.len() > 1, "another node leads after each stop");
    let runs = site.runs("orders");
    assert_eq!(runs.len(), 4, "{runs:#?}");
    assert!(runs.iter().all(|(_, run)| run.schedule.as_deref() == Some("orders")));
    let last = site.schedule("orders").unwrap().last_run.unwrap();
    assert_eq!(site.nodes[0].consensus.peek(|state| state.runs().active("orders")), Some(last));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_fires_no_tick_again_and_has_missed_what_it_left_out() {
    let site = Site::new().await;
    let tick = BEGINNING + 10 * MINUTE;
    let cron = "*/10 * * * *";
    for (name, catch_up) in [("none", CatchUp::None), ("one", CatchUp::One), ("all", CatchUp::All)] {
        site.put(name, cron, Overlap::Replace, catch_up, tick).await;
    }
    // At the first tick summer time begins, too.
    site.hand.set(tick);
    for name in ["none", "one", "all"] {
        assert_eq!(site.exhaust(name, tick + 10 * MINUTE).await, 1, "{name}");
    }
    // Six ticks, of which none is on time.
    site.hand.set(tick + 69 * MINUTE);
    let next = tick + 70 * MINUTE;
    for (name, runs) in [("none", 1), ("one", 2), ("all", 7)] {
        assert_eq!(site.exhaust(name, next).await, runs, "{name}");
    }
    // Back before all of them. A schedule that comes afterwards shows that the scheduler has looked.
    site.hand.set(BEGINNING);
    site.put("later", cron, Overlap::Replace, CatchUp::One, BEGINNING + MINUTE).await;
    for minute in [1, 11, 21, 69] {
        let now = BEGINNING + minute * MINUTE;
        site.hand.set(now);
        let after = BEGINNING + (minute / 10 + 1) * 10 * MINUTE;
        site.until_next("later", after).await;
        for (name, runs) in [("none", 1), ("one", 2), ("all", 7)] {
            assert_eq!((site.runs(name).len(), site.next(name)), (runs, Some(next)), "{name}");
        }
    }
    // And where it was left off it goes on.
    site.hand.set(next);
    for (name, runs) in [("none", 2), ("one", 3), ("all", 8)] {
        assert_eq!(site.exhaust(name, next + 10 * MINUTE).await, runs, "{name}");
    }
    site.stop().await;
}

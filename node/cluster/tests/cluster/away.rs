//! Runs whose destination is on a node that is away, for a while or for good.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etl_engine::StepLimits;
use etl_raft_state::NodeState;
use etl_raft_state::command::SetNodeState;
use etl_raft_state::parts::{Halt, RunPhase};
use tokio::sync::Semaphore;

use crate::numbers::Numbers;
use crate::watched::{Log, Site};

/// Longer than a channel to a node is kept that does not answer.
const KEPT: Duration = Duration::from_secs(11);

async fn site(log: Log) -> Site {
    Site::new(Numbers::new(3, 200), StepLimits::default(), None, log).await
}

fn cut(site: &Site, node: usize) {
    site.nodes[0].place.network.cut(&site.nodes[node].place.addresses());
}

async fn until_failed_long_ago(site: &Site) {
    let begin = Instant::now();
    site.nodes[0].until("the way to it is given up", || begin.elapsed() > KEPT).await;
    assert_eq!(site.phase(0), Some(RunPhase::Running), "it waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_begins_waits_for_the_node_that_has_its_destination() {
    let site = site(Log::default()).await;
    cut(&site, 2);
    site.start(Some(2)).await;
    until_failed_long_ago(&site).await;
    site.nodes[0].place.network.heal();
    site.until_completed(0).await;
    site.assert_complete();
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_to_be_completed_waits_for_the_node_that_has_its_destination() {
    let completions = Arc::new(Semaphore::new(0));
    let site = site(Log { completions: Some(Arc::clone(&completions)), ..Log::default() }).await;
    site.start(Some(2)).await;
    let open = || site.nodes[0].consensus.peek(|state| state.partitions().open(site.run));
    let known = || site.nodes[0].consensus.peek(|state| state.partitions().count(site.run));
    site.nodes[0].until("all is delivered", || known() == 3 && open() == 0).await;
    cut(&site, 2);
    until_failed_long_ago(&site).await;
    completions.add_permits(10);
    site.nodes[0].place.network.heal();
    site.until_completed(0).await;
    site.assert_complete();
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_destination_was_on_a_node_that_is_removed_halts_and_says_so() {
    let site = site(Log::default()).await;
    cut(&site, 2);
    let lost = site.nodes[2].id();
    site.start(Some(2)).await;
    site.nodes[0].until_state(lost, NodeState::Down).await;
    assert_eq!(site.phase(0), Some(RunPhase::Running));
    site.nodes[0].write(SetNodeState { node: lost, from: NodeState::Down, to: NodeState::Removed }).await;
    let why = || match site.phase(1) {
        Some(RunPhase::Halted(Halt::Failed { message })) => Some(message),
        _ => None,
    };
    site.nodes[1].until("the run is halted", || why().is_some()).await;
    let why = why().unwrap();
    assert!(why.contains("step `sink`") && why.contains(&format!("node {lost}")), "{why}");
    assert!(why.contains("workflow run numbers --restart"), "{why}");
    site.stop().await;
}

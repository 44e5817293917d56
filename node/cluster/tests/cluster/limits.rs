//! Rate limits and circuit breakers over all nodes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etl_engine::{StepLimits, TERM};
use etl_model::{CircuitBreaker, RateAmount, RateLimit, Span};
use tokio::sync::Semaphore;

use crate::numbers::Numbers;
use crate::watched::{Log, Site};

const RATE: u64 = 3000;
/// What an eighth of a second brings: the largest piece that a node saves up for.
const PIECE: u64 = RATE / 8;

fn rate() -> StepLimits {
    let rate = RateLimit {
        amount: RateAmount::Records(RATE),
        per: Span(Duration::from_secs(1)),
        name: Some("crm".to_owned()),
    };
    StepLimits { rate: Some(rate), ..StepLimits::default() }
}

/// In no window more has passed than the documented bound.
fn assert_within_bound(writes: &[(Instant, usize, u64)]) {
    for (index, (from, ..)) in writes.iter().enumerate() {
        let mut sum = 0;
        for (to, _, rows) in &writes[index..] {
            sum += rows;
            let window = (*to - *from + 2 * TERM).as_millis() as u64;
            let bound = RATE * (window + 1) / 1000 + 3 * PIECE;
            assert!(sum <= bound, "{sum} rows within {:?}, at most {bound}", *to - *from);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_together_stay_within_a_rate_also_when_the_leader_stops() {
    let mut site = Site::new(Numbers::new(6, 2000), rate(), None, Log::default()).await;
    let begin = Instant::now();
    site.start(None).await;
    let passed = |site: &Site| -> u64 { site.log.writes.lock().unwrap().iter().map(|(.., rows)| rows).sum() };
    site.nodes[1].until("a third has passed", || passed(&site) > 4000).await;
    let leader = site.nodes.iter().position(|node| {
        let status = node.consensus.status();
        status.leader == Some(node.id())
    });
    site.nodes.remove(leader.unwrap()).stop().await;
    site.until_completed(0).await;
    let took = begin.elapsed();
    site.assert_complete();
    let writes = site.log.writes.lock().unwrap().clone();
    assert_within_bound(&writes);
    let nodes: BTreeSet<usize> = writes.iter().map(|(_, node, _)| *node).collect();
    assert_eq!(nodes.len(), 3, "all nodes had a share");
    // Nothing is granted for a while after the leader has stopped; otherwise the rate is used.
    assert!(took >= Duration::from_millis(12_000 * 1000 / RATE - 1000), "{took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breaker_that_one_node_opens_stops_the_others() {
    const OPEN_FOR: Duration = Duration::from_secs(3);
    let within = Span(Duration::from_secs(30));
    // The site gives up at the first failure that its breaker lets be one.
    let breaker = CircuitBreaker { failures: 1, within, open_for: Span(OPEN_FOR), name: None };
    let limits = StepLimits { breaker: Some(breaker), ..StepLimits::default() };
    let gate = Arc::new(Semaphore::new(0));
    let site = Site::new(Numbers::new(6, 2000), limits, Some(gate.clone()), Log::default()).await;
    site.start(None).await;
    let writers =
        || site.log.writes.lock().unwrap().iter().map(|(_, node, _)| *node).collect::<BTreeSet<_>>();
    site.nodes[0]
        .until("all nodes write", || {
            gate.add_permits(1);
            writers().len() == 3
        })
        .await;
    site.log.down.lock().unwrap().insert(1);
    let failures = || site.log.failures.lock().unwrap().clone();
    site.nodes[0]
        .until("it fails", || {
            gate.add_permits(1);
            !failures().is_empty()
        })
        .await;
    let opened = failures()[0];
    site.log.down.lock().unwrap().clear();
    // Its leader is told who waits, by every node.
    let told = || -> usize {
        let leader = site.nodes.iter().find(|node| node.consensus.status().leader == Some(node.id()));
        let problems = leader.map(|node| node.duties.problems()).unwrap_or_default();
        problems.iter().filter(|problem| problem.message.contains("circuit breaker `sink`")).count()
    };
    site.nodes[0]
        .until("all tell that they wait", || {
            gate.add_permits(1);
            told() == 3
        })
        .await;
    let sights = site.nodes[2].duties.look_at_run(site.run).await;
    let waiting: Vec<_> = sights.values().flat_map(|sight| &sight.waiting).collect();
    assert!(waiting.len() >= 3, "any node can tell which partitions: {waiting:?}");
    assert!(
        waiting.iter().all(|(source, _, why)| source == "source" && why.contains("circuit breaker sink"))
    );
    // Whoever could write would.
    site.nodes[0]
        .until("the time is over", || {
            gate.add_permits(1);
            opened.elapsed() > OPEN_FOR
        })
        .await;
    let calls: Vec<(Instant, usize, u64)> = site.log.writes.lock().unwrap().clone();
    let known = opened + TERM + Duration::from_millis(300);
    let late: Vec<_> = calls.iter().filter(|(at, ..)| *at > known && *at < opened + OPEN_FOR).collect();
    assert!(late.is_empty(), "{} calls while it is open", late.len());
    let before = calls.iter().filter(|(at, ..)| *at < opened).count();
    assert!(before > 3, "it was in use");
    gate.add_permits(1 << 20);
    site.until_completed(2).await;
    site.assert_complete();
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_is_down_one_partition_of_all_nodes_asks_at_a_time() {
    const OPEN_FOR: Duration = Duration::from_millis(700);
    const PROBES: usize = 4;
    let within = Span(Duration::from_secs(30));
    let breaker = CircuitBreaker { failures: 1, within, open_for: Span(OPEN_FOR), name: None };
    let limits = StepLimits { breaker: Some(breaker), ..StepLimits::default() };
    let gate = Arc::new(Semaphore::new(0));
    let site = Site::new(Numbers::new(6, 2000), limits, Some(gate.clone()), Log::default()).await;
    site.start(None).await;
    let writers =
        || site.log.writes.lock().unwrap().iter().map(|(_, node, _)| *node).collect::<BTreeSet<_>>();
    site.nodes[0]
        .until("all nodes write", || {
            gate.add_permits(1);
            writers().len() == 3
        })
        .await;
    site.log.down.lock().unwrap().extend([0, 1, 2]);
    gate.add_permits(1 << 20);
    let failures = || site.log.failures.lock().unwrap().clone();
    site.nodes[0].until("it fails", || !failures().is_empty()).await;
    // Calls of nodes that have not heard of it yet fail as well; all have heard of it after this time.
    let known = failures()[0] + TERM + Duration::from_millis(300);
    let probes = || failures().into_iter().filter(|at| *at > known).collect::<Vec<_>>();
    site.nodes[0].until("it was asked several times", || probes().len() >= PROBES).await;
    let probes = probes();
    for pair in probes.windows(2) {
        assert!(pair[1] - pair[0] >= OPEN_FOR, "asked again after {:?}", pair[1] - pair[0]);
    }
    site.log.down.lock().unwrap().clear();
    site.until_completed(0).await;
    site.assert_complete();
    site.stop().await;
}

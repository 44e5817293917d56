use std::time::{Duration, Instant};

use etl_proto::admin::{GetClusterStatusResponse, NodeState};

use crate::group::{Error, voters};
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};

/// News that is not older than this, in milliseconds.
const RECENT_MS: u64 = 1000;

/// Nodes join, are drained, leave and are removed, and leadership is handed over, while clients write.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    let mut site = Site::found("moves", effort, 3, &[]).await?;
    let many = if site.short { 60 } else { 3000 };
    let mark = site.ledger.lock().mark();
    site.more_writes(many).await?;
    let calm = site.ledger.lock().latency(mark);
    let mark = site.ledger.lock().mark();

    let (fourth, fifth) = (site.size() + 1, site.size() + 2);
    for member in [fourth, fifth] {
        site.members.start(member)?;
    }
    let five = |status: &GetClusterStatusResponse| voters(status).count() == 5;
    site.members.wait_for("five nodes vote", five).await?;
    site.outcome.bite("join", true);
    site.outcome.bite("join", true);

    let mut longest = Duration::ZERO;
    for _ in 0..if site.short { 2 } else { 10 } {
        longest = longest.max(hand_over(&mut site).await?);
    }
    site.outcome
        .figures
        .push(format!("a new leader has heard of all nodes after {} ms at most", longest.as_millis()));

    let node = site.node(fourth).await?;
    site.operate(&["cluster", "drain", &node.to_string()]).await?.succeeded("cluster drain")?;
    let drained = |status: &GetClusterStatusResponse| {
        status.nodes.iter().any(|each| each.id == node && each.state() == NodeState::Draining)
    };
    site.members.wait_for("a node is drained", drained).await?;
    site.outcome.bite("drain", true);
    let remove = ["cluster", "remove", &node.to_string(), "--yes", "--timeout", "60s"];
    site.operate(&remove).await?.succeeded("cluster remove")?;
    ends(&mut site, fourth, "remove").await?;

    let node = site.node(fifth).await?;
    let leave = ["cluster", "leave", &node.to_string(), "--yes", "--timeout", "60s"];
    site.operate(&leave).await?.succeeded("cluster leave")?;
    ends(&mut site, fifth, "leave").await?;
    let three = |status: &GetClusterStatusResponse| voters(status).count() == 3 && !status.joint;
    site.members.wait_for("three nodes vote again", three).await?;
    site.more_writes(20).await?;

    let moving = site.ledger.lock().latency(mark);
    site.outcome.compare_latencies(calm, moving);
    site.finish().await
}

/// A node that the cluster has let go of ends by itself.
async fn ends(site: &mut Site, member: u8, fault: &str) -> Result<(), Error> {
    let (ended, said) = site.members.until_ended(member).await?;
    site.outcome.bite(fault, ended.success());
    let is_told = said.contains("has removed this node");
    site.outcome.expect("a node that was let go ends by itself and says why", is_told);
    site.more_writes(20).await
}

/// Hands leadership over. Returns how long it takes then until the new leader's status has news of every node.
async fn hand_over(site: &mut Site) -> Result<Duration, Error> {
    let before = site.status().await?.leader;
    let told = site.operate(&["cluster", "transfer-leader"]).await?;
    let began = Instant::now();
    let heard = |status: &GetClusterStatusResponse| {
        let present = status.nodes.iter().filter(|node| node.state() != NodeState::Removed);
        status.leader != 0 && present.into_iter().all(|node| node.silent_ms.is_some_and(|ms| ms < RECENT_MS))
    };
    let after = site.members.wait_for("the leader has heard of all", heard).await?.leader;
    let took = began.elapsed();
    if told.code != Some(0) {
        site.outcome.figures.push(format!("a transfer was refused: {}", told.err.trim()));
    }
    site.outcome.bite("transfer-leader", before != after);
    site.more_writes(20).await?;
    Ok(took)
}

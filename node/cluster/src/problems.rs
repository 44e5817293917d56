use std::collections::BTreeSet;
use std::time::Duration;

use etl_raft::NodeId;
use etl_raft_state::NodeState;

use crate::{Overview, OverviewNode};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable, for programs.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The node concerned; absent for the cluster.
    pub node: Option<NodeId>,
}

/// A node that was silent for longer is not counted on.
const SILENCE: Duration = Duration::from_secs(3);
/// A quorum answers several times a second.
const QUORUM_SILENCE: Duration = Duration::from_secs(2);
/// More entries than this a node that follows is never behind for long.
const LAG: u64 = 1000;
/// Free space in percent.
const DISK_LOW: u64 = 10;
const DISK_FULL: u64 = 5;

/// All that is wrong, the gravest first: first the cluster, then its nodes by id.
pub fn problems(overview: &Overview) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(leader(overview));
    problems.extend(voters(overview));
    problems.extend(joint(overview));
    problems.extend(software(overview));
    for (id, node) in &overview.nodes {
        problems.extend(state(overview, *id, node));
        problems.extend(disk(*id, node));
        problems.extend(lag(overview, *id, node));
        let told = node.health.iter().flat_map(|health| &health.problems);
        problems.extend(told.map(|told| of_node(*id, "reported", told.clone(), "see what the node reports")));
    }
    problems.extend(overview.refusals.iter().map(|(id, reason)| {
        let message = format!("node {id} does not deal with node {}: {reason}", overview.me);
        let remedy = "see which node listens at that address, and whether it has the data directory it had";
        of_node(*id, "refused", message, remedy)
    }));
    problems
}

fn of_cluster(code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem { code, message: message.into(), remedy: remedy.into(), node: None }
}

fn of_node(
    node: NodeId,
    code: &'static str,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> Problem {
    Problem { node: Some(node), ..of_cluster(code, message, remedy) }
}

fn list(nodes: &BTreeSet<NodeId>) -> String {
    let ids: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
    ids.join(", ")
}

fn leader(overview: &Overview) -> Option<Problem> {
    let voters = &overview.voters;
    let majority = voters.len() / 2 + 1;
    if overview.leader.is_none() {
        return Some(of_cluster(
            "no_leader",
            "no node leads: nothing can be changed, and reads may be old",
            format!(
                "see that at least {majority} of the voters ({}) run and reach each other; if that many are \
                 lost for ever, see `cluster recover`",
                list(voters)
            ),
        ));
    }
    let silent = overview.quorum_silent.filter(|silent| *silent >= QUORUM_SILENCE)?;
    Some(of_cluster(
        "quorum_silent",
        format!("no majority of the voters has answered the leader for {} s", silent.as_secs()),
        format!("see that at least {majority} of the voters ({}) run and reach each other", list(voters)),
    ))
}

fn is_counted_on(overview: &Overview, id: NodeId) -> bool {
    overview.nodes.get(&id).is_none_or(|node| {
        node.state != NodeState::Down
            && node.silent.is_none_or(|silent| silent <= SILENCE || id == overview.me)
    })
}

fn voters(overview: &Overview) -> Option<Problem> {
    let voters = overview.voters.len();
    let up = overview.voters.iter().filter(|id| is_counted_on(overview, **id)).count();
    let majority = voters / 2 + 1;
    match voters {
        0 => None,
        1 => Some(of_cluster(
            "single_voter",
            "one node votes alone: when it fails the cluster stands still, and its disk may be the only one",
            "let two more nodes join; they vote after a few seconds",
        )),
        2 => Some(of_cluster(
            "two_voters",
            "two nodes vote: when either fails the cluster stands still",
            "let another node join, or remove one of the two",
        )),
        _ if up <= majority => Some(of_cluster(
            "no_quorum_margin",
            format!("{up} of {voters} voters are up: when another fails the cluster stands still"),
            "start the voters that are down, or let other nodes join that take their place",
        )),
        _ if voters.is_multiple_of(2) => Some(of_cluster(
            "even_voters",
            format!("{voters} nodes vote, which bear no more failures than {}", voters - 1),
            "it is being changed; if it stays so, see that all nodes run",
        )),
        _ => None,
    }
}

fn joint(overview: &Overview) -> Option<Problem> {
    overview.is_joint.then(|| {
        of_cluster(
            "joint",
            "a change of voters is not finished: majorities of the old and of the new voters are needed",
            "the leader finishes it; if it stays so, see that the voters run and reach each other",
        )
    })
}

fn software(overview: &Overview) -> Option<Problem> {
    let running = || overview.nodes.values().filter(|node| node.state != NodeState::Removed);
    let versions: BTreeSet<&str> = running().map(|node| node.software.version.as_str()).collect();
    let known = running().map(|node| node.software.feature_level).max()?;
    if versions.len() < 2 {
        return None;
    }
    let versions: Vec<&str> = versions.into_iter().collect();
    let message = if known > overview.feature_level {
        format!(
            "nodes run different software ({}); features of level {known} stay off until all know them",
            versions.join(", ")
        )
    } else {
        format!("nodes run different software ({})", versions.join(", "))
    };
    Some(of_cluster("mixed_versions", message, "upgrade the older nodes, one after the other"))
}

fn state(overview: &Overview, id: NodeId, node: &OverviewNode) -> Option<Problem> {
    match node.state {
        NodeState::Down => Some(of_node(
            id,
            "node_down",
            format!("node {id} at {} is down", node.raft_address),
            match successor(overview, id, node) {
                Some(other) => format!(
                    "node {other} uses its address now, so its data directory is gone: remove it with \
                     `cluster remove {id} --force`"
                ),
                None => format!("start it, or remove it with `cluster remove {id} --force` when it is lost"),
            },
        )),
        NodeState::Removed => Some(of_node(
            id,
            "removal_unfinished",
            format!("node {id} was removed and is still a member"),
            "it is let go of as soon as a majority of the other voters is up; see that they run",
        )),
        NodeState::Joining
            if node.silent.is_none_or(|silent| silent > SILENCE) && overview.leader == Some(overview.me) =>
        {
            Some(of_node(
                id,
                "not_started",
                format!("node {id} at {} has registered and is not heard of", node.raft_address),
                "see that it runs and reaches the leader's admin address",
            ))
        }
        NodeState::Up | NodeState::Draining
            if node.silent.is_some_and(|silent| silent > SILENCE) && id != overview.me =>
        {
            Some(of_node(
                id,
                "not_heard",
                format!("node {id} at {} is not heard of at the moment", node.raft_address),
                "see that it runs and reaches the leader's admin address",
            ))
        }
        NodeState::Joining | NodeState::Up | NodeState::Draining => None,
    }
}

/// A younger node that listens where this one did.
fn successor(overview: &Overview, id: NodeId, node: &OverviewNode) -> Option<NodeId> {
    overview
        .nodes
        .range(id + 1..)
        .find(|(_, other)| other.raft_address == node.raft_address && other.state != NodeState::Removed)
        .map(|(other, _)| *other)
}

fn disk(id: NodeId, node: &OverviewNode) -> Option<Problem> {
    let health = node.health.as_ref().filter(|health| health.disk_total_bytes > 0)?;
    let (free, total) = (u128::from(health.disk_free_bytes), u128::from(health.disk_total_bytes));
    let percent = (free * 100 / total) as u64;
    let mib = health.disk_free_bytes >> 20;
    let remedy = "make room on the file system of its data directory, or move that to a larger one";
    let left = format!("node {id} has {mib} MiB of disk left ({percent} %)");
    if percent < DISK_FULL {
        return Some(of_node(id, "disk_full", format!("{left}: it stops when that is used up"), remedy));
    }
    (percent < DISK_LOW).then(|| of_node(id, "disk_low", left, remedy))
}

fn lag(overview: &Overview, id: NodeId, node: &OverviewNode) -> Option<Problem> {
    let lag = node.lag.filter(|lag| *lag > LAG && is_counted_on(overview, id))?;
    Some(of_node(
        id,
        "lagging",
        format!("node {id} lacks {lag} entries of the log"),
        "it catches up by itself; if it does not, look at its disk and its network",
    ))
}

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use etl_raft_state::NodeState;

use super::{Change, Guard, Picture, violations, wishes};
use crate::type_config::NodeId;

/// Why a node may not be removed now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    #[error("this node does not lead the cluster, and only the leader can tell")]
    NotLeading,
    #[error("there is no node {0}")]
    Unknown(NodeId),
    #[error("node {0} is the only one that can vote; add another node first")]
    LastVoter(NodeId),
    #[error("node {node} cannot lose its vote now: {}", reasons(guards))]
    Guarded { node: NodeId, guards: BTreeSet<Guard> },
}

fn reasons(guards: &BTreeSet<Guard>) -> String {
    let reasons: Vec<String> = guards.iter().map(Guard::to_string).collect();
    reasons.join("; ")
}

/// Whether the cluster could do without a node: what an operator's wish to remove it is checked with before
/// it is declared removed. Afterwards the steward takes its vote and its membership.
///
/// # Errors
/// [`Obstacle`]: nobody else could vote, or no healthy majority would be left.
pub fn removal(picture: &Picture, node: NodeId) -> Result<(), Obstacle> {
    let mut after = picture.clone();
    after.postponed.clear();
    let Some(facts) = after.nodes.get_mut(&node) else { return Err(Obstacle::Unknown(node)) };
    facts.state = NodeState::Removed;
    if !picture.is_voter(node) {
        return Ok(());
    }
    if after.is_joint() {
        return Err(Obstacle::Guarded { node, guards: [Guard::OneAtATime].into() });
    }
    let step = (wishes(&after).into_iter())
        .find(|change| matches!(change, Change::SetVoters { .. } | Change::TransferLeader { .. }));
    let Some(step) = step else { return Err(Obstacle::LastVoter(node)) };
    let guards = violations(&after, &step);
    if guards.is_empty() { Ok(()) } else { Err(Obstacle::Guarded { node, guards }) }
}

use serde::Serialize;
use uuid::Uuid;

use super::{Consistency, NodeStatus, Problem, Role};

/// A cluster as one of its nodes sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterStatus {
    /// Chosen when the cluster was founded.
    pub cluster: Uuid,
    /// `None` when nobody leads, as far as the node that answers knows.
    pub leader: Option<u64>,
    /// Of the leader's election.
    pub term: u64,
    /// The last entry that a quorum has.
    pub committed_index: u64,
    /// The last entry of the log of the node that answers.
    pub last_index: u64,
    /// The last entry whose effect the node that answers knows.
    pub applied_index: u64,
    /// The features that may be used, because every node has them.
    pub feature_level: u32,
    /// Whether a change of voters is under way.
    pub joint: bool,
    /// Milliseconds since the leader last heard of a quorum; `None` when another node answers.
    pub quorum_silent_ms: Option<u64>,
    /// The node that answers: the leader, unless a stale answer was asked for.
    pub answered_by: u64,
    /// What was asked for.
    pub consistency: Consistency,
    /// By id, removed ones included.
    pub nodes: Vec<NodeStatus>,
    /// What is wrong, and what to do about it.
    pub problems: Vec<Problem>,
}

impl ClusterStatus {
    /// The node with that id.
    pub fn node(&self, id: u64) -> Option<&NodeStatus> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// Those that vote, the leader among them.
    pub fn voters(&self) -> impl Iterator<Item = &NodeStatus> {
        self.nodes.iter().filter(|node| matches!(node.role, Some(Role::Leader | Role::Voter)))
    }

    /// Those that receive everything and do not vote.
    pub fn learners(&self) -> impl Iterator<Item = &NodeStatus> {
        self.nodes.iter().filter(|node| node.role == Some(Role::Learner))
    }
}

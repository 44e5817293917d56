use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etl_raft_state::NodeState;
use uuid::Uuid;

use super::Change;
use crate::type_config::{NodeId, Peer};

/// What the leader knows about the cluster at one moment, as values. Moments are times since any one origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub now: Duration,
    /// The node that looks.
    pub leader: NodeId,
    /// One set of voters, or two while a change of voters is not finished; the newer is the last.
    pub configs: Vec<BTreeSet<NodeId>>,
    /// All voters and learners, with the store that the membership knows of each.
    pub members: BTreeMap<NodeId, Uuid>,
    /// All nodes that ever registered.
    pub nodes: BTreeMap<NodeId, NodeFacts>,
    /// Of the cluster.
    pub feature_level: u32,
    /// Changes that failed a moment ago and are not due again yet.
    pub postponed: BTreeSet<Change>,
    pub limits: Limits,
}

/// What is known about one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    pub state: NodeState,
    /// As it has registered, and where it said since that it listens.
    pub peer: Peer,
    /// When its last heartbeat came.
    pub heard: Option<Duration>,
    /// Since when its heartbeats have come without a gap.
    pub healthy_since: Option<Duration>,
    /// Since when it is known to be down.
    pub down_since: Option<Duration>,
    /// Entries that the leader has and it has not; none when the leader has not reached it yet.
    pub lag: Option<u64>,
    /// The highest that its software knows.
    pub feature_level: u32,
}

/// The figures that decisions depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At most so many vote; odd.
    pub voters: usize,
    /// A node that lacks more entries than this has not caught up.
    pub lag: u64,
    /// So long a learner is healthy before it may vote.
    pub stabilisation: Duration,
    /// A voter that is down for so long is replaced when another node can take its place. Counted from when
    /// this leader has first seen it down: a new leader begins anew.
    pub replace_after: Duration,
    /// A node that was silent for longer is not counted on.
    pub silence: Duration,
}

impl Default for Limits {
    /// 5 voters; 250 entries; 10 s; 10 min; 3 s.
    fn default() -> Self {
        Self {
            voters: 5,
            lag: 250,
            stabilisation: Duration::from_secs(10),
            replace_after: Duration::from_secs(600),
            silence: Duration::from_secs(3),
        }
    }
}

impl Picture {
    /// Whether a change of voters was begun and not finished.
    pub fn is_joint(&self) -> bool {
        self.configs.len() > 1
    }

    /// The newest set of voters.
    pub fn voters(&self) -> BTreeSet<NodeId> {
        self.configs.last().cloned().unwrap_or_default()
    }

    /// Whether it votes in any of the sets.
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.configs.iter().any(|config| config.contains(&node))
    }

    pub fn is_learner(&self, node: NodeId) -> bool {
        self.members.contains_key(&node) && !self.is_voter(node)
    }

    /// Whether it can be counted on to answer: the leader itself, and whoever sends heartbeats and is not
    /// declared down.
    pub fn is_healthy(&self, node: NodeId) -> bool {
        node == self.leader
            || self.nodes.get(&node).is_some_and(|facts| {
                facts.state != NodeState::Down
                    && facts.heard.is_some_and(|heard| self.now.saturating_sub(heard) <= self.limits.silence)
            })
    }

    /// Whether it is healthy and has nearly all that the leader has, so that its vote counts at once.
    pub fn is_ready(&self, node: NodeId) -> bool {
        node == self.leader
            || self.is_healthy(node)
                && self.nodes.get(&node).and_then(|facts| facts.lag).is_some_and(|lag| lag <= self.limits.lag)
    }

    /// Whether it must lose vote and membership, because it was removed.
    pub fn is_leaving(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|facts| facts.state == NodeState::Removed)
    }

    /// Whether it is a learner that may vote: up, ready, and healthy for long enough.
    pub fn is_eligible(&self, node: NodeId) -> bool {
        self.is_learner(node)
            && self.is_ready(node)
            && self.nodes.get(&node).is_some_and(|facts| {
                facts.state == NodeState::Up
                    && (facts.healthy_since)
                        .is_some_and(|since| self.now.saturating_sub(since) >= self.limits.stabilisation)
            })
    }

    /// Whether it is on its way to become eligible, so that it is worth while to wait for it.
    pub fn is_prospect(&self, node: NodeId) -> bool {
        !self.is_voter(node)
            && !self.is_eligible(node)
            && self.is_healthy(node)
            && (self.nodes.get(&node))
                .is_some_and(|facts| matches!(facts.state, NodeState::Joining | NodeState::Up))
    }

    /// Whether it is a voter that has been down for so long that another should vote in its stead.
    pub fn is_overdue(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|facts| {
            facts.state == NodeState::Down
                && (facts.down_since)
                    .is_some_and(|since| self.now.saturating_sub(since) >= self.limits.replace_after)
        })
    }
}

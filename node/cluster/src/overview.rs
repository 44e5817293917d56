use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etl_raft::NodeId;
use etl_raft::consensus::{Consensus, Status};
use etl_raft_state::{NodeState, State};
use tokio::time::Instant;

use crate::{Health, Heard, Roster, Software};

/// The cluster as one node sees it. The leader sees most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The node that looks.
    pub me: NodeId,
    pub leader: Option<NodeId>,
    pub voters: BTreeSet<NodeId>,
    pub learners: BTreeSet<NodeId>,
    /// Whether a change of voters is not finished.
    pub is_joint: bool,
    pub feature_level: u32,
    /// For how long a quorum has not answered; only the leader can tell.
    pub quorum_silent: Option<Duration>,
    /// Those that are not removed, and removed ones that are still members.
    pub nodes: BTreeMap<NodeId, OverviewNode>,
    /// What peers say that refuse to deal with the node that looks.
    pub refusals: BTreeMap<NodeId, String>,
}

/// One node in an [`Overview`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverviewNode {
    pub state: NodeState,
    pub raft_address: String,
    pub software: Software,
    /// Entries that the leader has and it has not; only the leader can tell.
    pub lag: Option<u64>,
    /// Since the leader last heard of it; only the leader can tell.
    pub silent: Option<Duration>,
    /// What it has last told the leader.
    pub health: Option<Health>,
}

impl Overview {
    /// What `consensus` and `roster` know now.
    pub fn gather(consensus: &Consensus, roster: &Roster) -> Self {
        let status = consensus.status();
        let me = consensus.member().node;
        let heard = if status.leader == Some(me) { roster.all() } else { BTreeMap::new() };
        consensus.peek(|state| Self::of(me, &status, state, &heard, Instant::now()))
    }

    fn of(me: NodeId, status: &Status, state: &State, heard: &BTreeMap<NodeId, Heard>, now: Instant) -> Self {
        let last = status.last_index.unwrap_or_default();
        let shown = state
            .nodes()
            .iter()
            .filter(|(id, node)| node.state != NodeState::Removed || status.peers.contains_key(id));
        let nodes = shown.map(|(id, node)| {
            let heard = heard.get(&id);
            let matched = status.matched.as_ref().and_then(|matched| matched.get(&id));
            let seen = OverviewNode {
                state: node.state,
                raft_address: node.raft_address.clone(),
                software: Software {
                    version: node.software_version.clone(),
                    feature_level: node.feature_level,
                },
                lag: matched.map(|matched| last.saturating_sub(*matched)),
                silent: heard.map(|heard| now.saturating_duration_since(heard.since)),
                health: heard.map(|heard| heard.health.clone()),
            };
            (id, seen)
        });
        Self {
            me,
            leader: status.leader,
            voters: status.voters.clone(),
            learners: status.learners.clone(),
            is_joint: status.is_joint,
            feature_level: state.meta().feature_level(),
            quorum_silent: status.quorum_silent,
            nodes: nodes.collect(),
            refusals: status.refusals.clone(),
        }
    }
}

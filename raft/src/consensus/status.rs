use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::metrics::RaftMetrics;

use crate::type_config::{LogId, NodeId, Peer};

/// How consensus stands, as this node sees it. Indexes are those of entries in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Absent when none is elected, and when the one that was has not been heard for longer than an election takes.
    pub leader: Option<NodeId>,
    pub term: u64,
    pub last_index: Option<u64>,
    /// Known to be committed.
    pub committed: Option<u64>,
    pub applied: Option<u64>,
    /// The last entry that the newest snapshot covers.
    pub snapshot: Option<u64>,
    /// The last entry that is no longer in the log.
    pub purged: Option<u64>,
    pub voters: BTreeSet<NodeId>,
    pub learners: BTreeSet<NodeId>,
    /// Whether a change of voters has not been finished.
    pub is_joint: bool,
    pub peers: BTreeMap<NodeId, Peer>,
    /// On the leader: up to which entry each member has the same log. A member of which nothing is known yet is absent.
    pub matched: Option<BTreeMap<NodeId, u64>>,
    /// On the leader: for how long a quorum has not answered. Updated at every heartbeat.
    pub quorum_silent: Option<Duration>,
    /// What peers said that refused to deal with this node, each until it does.
    pub refusals: BTreeMap<NodeId, String>,
}

impl Status {
    pub(super) fn new(
        metrics: &RaftMetrics<NodeId, Peer>,
        committed: Option<u64>,
        refusals: BTreeMap<NodeId, String>,
        is_led: bool,
    ) -> Self {
        let membership = metrics.membership_config.membership();
        let index = |id: &Option<LogId>| id.map(|id| id.index);
        let applied = index(&metrics.last_applied);
        Self {
            leader: metrics.current_leader.filter(|_| is_led),
            term: metrics.current_term,
            last_index: metrics.last_log_index,
            committed: committed.max(applied),
            applied,
            snapshot: index(&metrics.snapshot),
            purged: index(&metrics.purged),
            voters: membership.voter_ids().collect(),
            learners: membership.learner_ids().collect(),
            is_joint: membership.get_joint_config().len() > 1,
            peers: membership.nodes().map(|(node, peer)| (*node, peer.clone())).collect(),
            matched: metrics
                .replication
                .as_ref()
                .map(|matched| matched.iter().filter_map(|(node, id)| Some((*node, index(id)?))).collect()),
            quorum_silent: metrics.millis_since_quorum_ack.map(Duration::from_millis),
            refusals,
        }
    }

    /// Without what changes all the time although nothing happens.
    pub(super) fn in_whole_seconds(self) -> Self {
        let quorum_silent = self.quorum_silent.map(|silent| Duration::from_secs(silent.as_secs()));
        Self { quorum_silent, ..self }
    }
}

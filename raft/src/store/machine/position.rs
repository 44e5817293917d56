use openraft::StoredMembership;

use crate::store::snapshot::SnapshotMeta;
use crate::type_config::{LogId, NodeId, Peer};

/// How far the log has been applied to a state, and the last membership on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub applied: Option<LogId>,
    pub membership: StoredMembership<NodeId, Peer>,
}

impl Position {
    /// What a snapshot of the state at this position says of itself.
    pub(crate) fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            last_log_id: self.applied,
            last_membership: self.membership.clone(),
            snapshot_id: match self.applied {
                Some(last) => format!("{}-{}-{}", last.leader_id.term, last.leader_id.node_id, last.index),
                None => "empty".to_owned(),
            },
        }
    }
}

impl From<&SnapshotMeta> for Position {
    fn from(meta: &SnapshotMeta) -> Self {
        Self { applied: meta.last_log_id, membership: meta.last_membership.clone() }
    }
}

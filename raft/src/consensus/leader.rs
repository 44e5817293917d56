use openraft::{Raft, ServerState};
use tokio::sync::watch;

use crate::type_config::{NodeId, Peer, TypeConfig};

/// openraft's own handle.
pub(crate) type RaftHandle = Raft<TypeConfig>;

pub(super) type ServerMetrics = openraft::metrics::RaftServerMetrics<NodeId, Peer>;

/// Where the leader is, as far as this node knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leader {
    Here,
    There(NodeId, Peer),
    /// With the reason.
    Nowhere(String),
}

impl Leader {
    pub fn of(metrics: &ServerMetrics) -> Self {
        match metrics.current_leader {
            Some(leader) if leader == metrics.id => match metrics.state {
                ServerState::Leader => Self::Here,
                _ => Self::Nowhere("this node has just given up leadership".to_owned()),
            },
            Some(leader) => match metrics.membership_config.membership().get_node(&leader) {
                Some(peer) => Self::There(leader, peer.clone()),
                None => {
                    Self::Nowhere(format!("node {leader} leads, but this node does not know its address yet"))
                }
            },
            None => Self::Nowhere("no leader is elected at the moment".to_owned()),
        }
    }
}

/// Resolves when another leader, or another term of the same one, is known than in `seen`; never when consensus has stopped.
pub(super) async fn leader_change(changes: &mut watch::Receiver<ServerMetrics>, seen: &ServerMetrics) {
    let seen = (seen.current_leader, seen.vote.leader_id, seen.state);
    let changed =
        changes.wait_for(|now| (now.current_leader, now.vote.leader_id, now.state) != seen).await.is_ok();
    if !changed {
        std::future::pending().await
    }
}

use std::pin::pin;
use std::sync::Arc;

use openraft::{Raft, ServerState};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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

/// Tells those who wait for news of the leader, in the order in which they came.
#[derive(Clone)]
pub(crate) struct LeaderWatch {
    metrics: watch::Receiver<ServerMetrics>,
    news: Arc<Notify>,
    cancelled: CancellationToken,
}

impl LeaderWatch {
    /// Runs until it is cancelled, or consensus has stopped.
    pub(super) fn start(tasks: &TaskTracker, cancelled: CancellationToken, raft: &RaftHandle) -> Self {
        let watch = Self { metrics: raft.server_metrics(), news: Arc::default(), cancelled };
        let Self { mut metrics, news, cancelled } = watch.clone();
        tasks.spawn(async move {
            while let Some(Ok(())) = cancelled.run_until_cancelled(metrics.changed()).await {
                news.notify_waiters();
            }
            news.notify_waiters();
        });
        watch
    }

    pub(super) fn now(&self) -> ServerMetrics {
        self.metrics.borrow().clone()
    }

    /// Resolves when what is known fits; with `None` when nothing more will be known.
    pub(super) async fn until(&self, fits: impl Fn(&ServerMetrics) -> bool) -> Option<ServerMetrics> {
        loop {
            let mut news = pin!(self.news.notified());
            news.as_mut().enable();
            let now = self.now();
            if fits(&now) {
                return Some(now);
            }
            if self.cancelled.is_cancelled() || self.metrics.has_changed().is_err() {
                return None;
            }
            news.await;
        }
    }

    /// Resolves when another leader, or another term of the same one, is known than in `seen`; never when consensus has
    /// stopped.
    pub(super) async fn change(&self, seen: &ServerMetrics) {
        let leader =
            |metrics: &ServerMetrics| (metrics.current_leader, metrics.vote.leader_id, metrics.state);
        if self.until(|now| leader(now) != leader(seen)).await.is_none() {
            std::future::pending().await
        }
    }
}

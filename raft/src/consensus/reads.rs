use std::sync::Arc;
use std::time::Duration;

use etl_proto::raft as wire;
use etl_raft_state::State;
use openraft::LogIdOptionExt;
use openraft::error::RaftError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::leader::{Leader, LeaderWatch};
use super::rounds::Rounds;
use super::router::Router;
use crate::error::Error;
use crate::network::{Links, log_id_from_wire};
use crate::store::LocalState;
use crate::type_config::{LogId, NodeId, Peer};

/// A leader asks its peers within a heartbeat; the rest is for the way there and back.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(250);

/// Up to which entry a node must have applied the log before it may answer.
type ReadIndex = Result<Option<LogId>, Untold>;

/// Why that cannot be told.
#[derive(Clone)]
enum Untold {
    /// At the moment.
    Yet(String),
    /// Consensus has stopped here.
    Stopped,
}

/// Linearizable reads. The leader confirms with a quorum that it still leads and names the last entry that is committed
/// (Ongaro, "Consensus: Bridging Theory and Practice", §6.4); the node that reads waits until it has applied that. Reads that
/// arrive together share the question.
///
/// What openraft 0.9 names is not enough when a leader has been started again and leads on in its old term: of the entries that
/// it had committed it knows only those that it had noted, or none. All of them are in the log that it found.
pub(crate) struct Reads {
    node: NodeId,
    leaders: LeaderWatch,
    state: Arc<dyn LocalState>,
    /// How long a read is tried.
    deadline: Duration,
    /// Of this node as the leader.
    as_leader: Arc<Rounds<ReadIndex>>,
    /// Of whoever leads.
    anywhere: Rounds<ReadIndex>,
}

impl Reads {
    pub(super) fn start(
        tasks: &TaskTracker,
        cancelled: CancellationToken,
        router: &Router,
        state: Arc<dyn LocalState>,
        found: Option<LogId>,
    ) -> Self {
        let Router { raft, leaders, links, settings, .. } = router;
        let node = links.me.node;
        let as_leader = Arc::new(Rounds::start(tasks, cancelled.clone(), {
            let raft = raft.clone();
            move || {
                let raft = raft.clone();
                Box::pin(async move {
                    let confirmed = raft.get_read_log_id().await;
                    confirmed.map(|(index, _)| index.max(found)).map_err(|error| match error {
                        RaftError::Fatal(_) => Untold::Stopped,
                        RaftError::APIError(error) => Untold::Yet(format!("node {node}: {error}")),
                    })
                })
            }
        }));
        let anywhere = Rounds::start(tasks, cancelled, {
            let (leaders, links, as_leader) = (leaders.clone(), links.clone(), as_leader.clone());
            move || {
                let (leaders, links, as_leader) = (leaders.clone(), links.clone(), as_leader.clone());
                Box::pin(async move {
                    let leader = Leader::of(&leaders.now());
                    match leader {
                        Leader::Here => as_leader.ask().await.unwrap_or(Err(Untold::Stopped)),
                        Leader::There(node, peer) => ask_leader(&links, node, &peer).await,
                        Leader::Nowhere(reason) => Err(Untold::Yet(reason)),
                    }
                })
            }
        });
        let (leaders, deadline) = (leaders.clone(), settings.read_deadline);
        Self { node, leaders, state, deadline, as_leader, anywhere }
    }

    /// For another node: the index if this node leads and can prove it.
    pub async fn index_as_leader(&self) -> Result<Option<LogId>, Error> {
        match self.as_leader.ask().await {
            Some(Ok(index)) => Ok(index),
            Some(Err(Untold::Yet(reason))) => Err(Error::NoLeader(reason)),
            Some(Err(Untold::Stopped)) | None => Err(Error::Stopped(self.node)),
        }
    }

    /// See [`Consensus::read`](super::Consensus::read).
    pub async fn read<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, Error> {
        let until = Instant::now() + self.deadline;
        let mut pause = FIRST_PAUSE;
        loop {
            let seen = self.leaders.now();
            let asked = tokio::time::timeout_at(until, self.anywhere.ask()).await;
            let reason = match asked {
                Ok(Some(Ok(index))) => {
                    self.wait_until_applied(index.next_index(), until).await?;
                    return Ok(read(&self.state.look()));
                }
                Ok(Some(Err(Untold::Yet(reason)))) => reason,
                Ok(Some(Err(Untold::Stopped)) | None) => return Err(Error::Stopped(self.node)),
                Err(_) => "the leader has not answered in time".to_owned(),
            };
            if Instant::now() + pause >= until {
                return Err(Error::NoLeader(reason));
            }
            tokio::select! {
                () = self.leaders.change(&seen) => {}
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    async fn wait_until_applied(&self, next: u64, until: Instant) -> Result<(), Error> {
        let mut applied = self.state.applied();
        let reached = applied.wait_for(|applied| applied.next_index() >= next);
        match tokio::time::timeout_at(until, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Error::Stopped(self.node)),
            Err(_) => Err(Error::NoLeader(format!(
                "node {} has not caught up with the leader in time; it has {} of {next} entries",
                self.node,
                self.state.applied().borrow().next_index(),
            ))),
        }
    }
}

async fn ask_leader(links: &Links, node: NodeId, peer: &Peer) -> ReadIndex {
    let link = links.to(node, peer);
    let request = wire::ReadIndexRequest { envelope: Some(links.me.envelope_to(node, peer.store)) };
    let answer = link.answer(ANSWER_PATIENCE, link.quick().read_index(request)).await;
    let answer = answer.map_err(|error| Untold::Yet(links.error(&link, error).to_string()))?;
    links.accepted(node);
    Ok(answer.read_index.map(log_id_from_wire))
}

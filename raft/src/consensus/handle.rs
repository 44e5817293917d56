use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use etl_proto::raft::raft_server::RaftServer;
use etl_raft_state::{Command, Response, Session, State};
use openraft::error::{InitializeError, RaftError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::clock::wall_clock;
use super::election::Pulse;
use super::leader::{Leader, LeaderWatch, RaftHandle};
use super::membership::Changes;
use super::proposals::{ProposalMeter, Proposals};
use super::proposer::Proposer;
use super::reads::Reads;
use super::settings::Settings;
use super::start::{Parts, stop_reason};
use super::status::Status;
use super::transfer::Transfer;
use super::writer::Writer;
use crate::error::Error;
use crate::network::{Dialer, Links, MESSAGE_LIMIT, Member, PeerService};
use crate::store::{LocalState, Storage};
use crate::type_config::{LogId, NodeId, Peer, SnapshotFile};

/// This node's part in consensus. Clones are the same node; when the last is dropped, or [`shutdown`](Self::shutdown) is
/// called, it stops.
#[derive(Clone)]
pub struct Consensus {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub raft: RaftHandle,
    pub state: Arc<dyn LocalState>,
    pub links: Arc<Links>,
    pub proposer: Arc<Proposer>,
    pub reads: Reads,
    pub pulse: Arc<Pulse>,
    pub settings: Settings,
    pub(super) leaders: LeaderWatch,
    pub(super) writer: Writer,
    pub(super) proposals: ProposalMeter,
    pub(super) changes: Changes,
    pub(super) committed: Arc<AtomicU64>,
    pub(super) status: watch::Receiver<Status>,
    pub(super) tasks: TaskTracker,
    pub(super) cancelled: CancellationToken,
}

impl From<Inner> for Consensus {
    fn from(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.cancelled.cancel();
        // openraft's core keeps itself alive.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let raft = self.raft.clone();
            runtime.spawn(async move { raft.shutdown().await });
        }
    }
}

impl Consensus {
    /// Takes part with what the store holds: a node that has been a member goes on as one, a pristine one waits to be
    /// [founded](Self::found) or added by a leader. The Raft listener must serve [`service`](Self::service).
    pub async fn start(
        settings: Settings,
        me: Member,
        storage: Storage,
        dialer: Arc<dyn Dialer>,
    ) -> Result<Self, Error> {
        let Storage { log, machine, state } = storage;
        let (state, clock, client) = (Arc::new(state), wall_clock(), Uuid::new_v4());
        Self::start_with(settings, me, Parts { log, machine, state, dialer, clock, client }).await
    }

    /// Founds a cluster that consists of this node alone, and waits until it leads. Refused when the store is not pristine.
    pub async fn found(&self) -> Result<(), Error> {
        let me = self.member();
        match self.inner.raft.initialize(BTreeMap::from([(me.node, me.peer())])).await {
            Ok(()) => {}
            Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {
                return Err(Error::Membership(format!("node {} is part of a cluster already", me.node)));
            }
            Err(RaftError::APIError(refused)) => return Err(Error::Membership(refused.to_string())),
            Err(RaftError::Fatal(fatal)) => return Err(stop_reason(me.node, fatal)),
        }
        let mut metrics = self.inner.raft.server_metrics();
        let leads = metrics.wait_for(|now| Leader::of(now) == Leader::Here);
        match tokio::time::timeout(self.inner.settings.change_deadline, leads).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Error::Stopped(me.node)),
            Err(_) => {
                Err(Error::Unknown("the only node of the cluster has not become its leader".to_owned()))
            }
        }
    }

    /// Who this node is.
    pub fn member(&self) -> &Member {
        &self.inner.links.me
    }

    /// What the Raft listener serves to other members; see [`network::server`](crate::network::server).
    pub fn service(&self) -> RaftServer<PeerService> {
        RaftServer::new(PeerService::new(self.inner.clone()))
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT)
    }

    /// Has the cluster act on a command, from any node. It is carried to the leader and repeated, so that it acts once, until
    /// its outcome is known or `write_deadline` is over. A refusal by the state is a response too:
    /// [`Response::Rejected`].
    ///
    /// # Errors
    /// [`Error::NoLeader`] (and [`Error::Misdirected`]): it has not acted and never will. [`Error::Unknown`]: it may have
    /// acted, or may do so yet. [`Error::TooLarge`]: it was not proposed. Dropping the future does not take the command back.
    pub async fn write(&self, command: impl Into<Command>) -> Result<Response, Error> {
        self.inner.proposals.count(self.inner.writer.write(None, command.into())).await
    }

    /// Like [`write`](Self::write) in a session of the caller, who can repeat it later with the same `session` after
    /// [`Error::Unknown`].
    pub async fn write_once(&self, session: Session, command: impl Into<Command>) -> Result<Response, Error> {
        self.inner.proposals.count(self.inner.writer.write(Some(session), command.into())).await
    }

    /// What became of the commands that this node has brought before the cluster.
    pub fn proposals(&self) -> Proposals {
        self.inner.proposals.told()
    }

    /// Reads what the whole cluster has agreed on at this moment or later: every write that was answered before this call, on
    /// any node, is seen.
    ///
    /// # Errors
    /// [`Error::NoLeader`] when that cannot be made sure within `read_deadline`; [`peek`](Self::peek) still works.
    pub async fn read<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, Error> {
        self.inner.reads.read(read).await
    }

    /// Makes sure that this node leads, by asking a quorum: it did so at a moment after this call.
    ///
    /// # Errors
    /// [`Error::NoLeader`] when it does not, or that cannot be told.
    pub async fn prove_leadership(&self) -> Result<(), Error> {
        self.inner.reads.index_as_leader().await.map(drop)
    }

    /// Reads what this node knows, which may be old. The closure must be short: nothing is applied meanwhile.
    pub fn peek<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.inner.state.look())
    }

    /// Up to which entry the state that [`peek`](Self::peek) shows has got.
    pub fn applied(&self) -> watch::Receiver<Option<LogId>> {
        self.inner.state.applied()
    }

    /// How consensus stands now, as this node sees it.
    pub fn status(&self) -> Status {
        let committed = self.inner.committed.load(Ordering::Relaxed).checked_sub(1);
        let is_led = self.inner.pulse.silence() <= self.inner.settings.election_max;
        Status::new(&self.inner.raft.metrics().borrow(), committed, self.inner.links.refusals(), is_led)
    }

    /// Changes whenever [`status`](Self::status) does, at most every 20 ms, with the silence of a quorum in whole seconds.
    pub fn status_changes(&self) -> watch::Receiver<Status> {
        self.inner.status.clone()
    }

    /// Lets a node follow without a vote. Only on the leader; done already is fine.
    ///
    /// # Errors
    /// These three: [`Error::NoLeader`] when this node does not lead, [`Error::Membership`] when it cannot be done, and
    /// [`Error::Unknown`] when it was not committed in time; what became of it shows in [`status`](Self::status).
    pub async fn add_learner(&self, node: NodeId, peer: Peer) -> Result<(), Error> {
        self.inner.changes.add_learner(node, peer).await
    }

    /// Makes these the voters, by way of a joint configuration, also when another leader has left one behind. All must be
    /// members; those who are voters no more stay as learners. Only on the leader.
    pub async fn set_voters(&self, voters: BTreeSet<NodeId>) -> Result<(), Error> {
        self.inner.changes.set_voters(voters).await
    }

    /// Removes a node that has no vote from the members. Only on the leader; done already is fine.
    pub async fn remove_learner(&self, node: NodeId) -> Result<(), Error> {
        self.inner.changes.remove_learner(node).await
    }

    /// Hands leadership over to another voter and waits until it leads. Only on the leader. Whatever fails, this node or
    /// another one leads on.
    pub async fn transfer_leader(&self, to: NodeId) -> Result<(), Error> {
        let inner = &*self.inner;
        let transfer = Transfer {
            raft: &inner.raft,
            leaders: &inner.leaders,
            links: &inner.links,
            proposer: &inner.proposer,
            changes: &inner.changes,
            settings: &inner.settings,
        };
        transfer.to(to).await
    }

    /// A snapshot that covers every write that was answered before this call, on any node. The file belongs to the store,
    /// which deletes it when there are newer ones: copy it at once.
    pub async fn backup(&self) -> Result<SnapshotFile, Error> {
        self.read(|_| ()).await?;
        Ok(self.inner.state.snapshot().await?.1)
    }

    /// Resolves when consensus has stopped, with the reason. Without [`shutdown`](Self::shutdown) before, the process must
    /// exit: what was promised to others may not be on the disk.
    pub async fn stopped(&self) -> Error {
        // Ends with the one who makes it, when consensus stops. openraft itself reports several times for each entry, and who
        // waits for that is woken each time.
        let mut changes = self.inner.status.clone();
        while changes.changed().await.is_ok() {}
        let mut reports = self.inner.raft.metrics();
        let stopped = reports.wait_for(|report| report.running_state.is_err()).await;
        let fatal = stopped.ok().and_then(|report| report.running_state.clone().err());
        fatal.map_or(Error::Stopped(self.member().node), |fatal| stop_reason(self.member().node, fatal))
    }

    /// Stops taking part and waits until nothing runs any more. Calls that wait end with [`Error::Stopped`]. A leader should
    /// hand over first.
    pub async fn shutdown(&self) {
        let inner = &*self.inner;
        inner.cancelled.cancel();
        // It only fails when the core has died, and then it has stopped too.
        let _ = inner.raft.shutdown().await;
        inner.tasks.close();
        inner.tasks.wait().await;
        inner.links.retain(|_| false);
    }
}

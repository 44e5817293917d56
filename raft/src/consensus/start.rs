use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use openraft::Raft;
use openraft::error::Fatal;
use openraft::storage::RaftStateMachine;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::ahead::{AheadLog, AheadMachine, Durability, Log};
use super::clock::Clock;
use super::election::{Elector, Pulse};
use super::handle::{Consensus, Inner};
use super::leader::{LeaderWatch, RaftHandle};
use super::membership::Changes;
use super::observer::Observer;
use super::proposals::ProposalMeter;
use super::proposer::Proposer;
use super::reads::Reads;
use super::router::Router;
use super::settings::Settings;
use super::status::Status;
use super::writer::Writer;
use crate::error::Error;
use crate::network::{Dialer, Links, Member, PeerNetwork};
use crate::store::LocalState;
use crate::type_config::{NodeId, TypeConfig};

/// What consensus is made of; simulations bring some of their own.
pub struct Parts<L, M> {
    pub log: L,
    pub machine: M,
    /// Of `machine`.
    pub state: Arc<dyn LocalState>,
    pub dialer: Arc<dyn Dialer>,
    pub clock: Clock,
    /// The client of the session in which this node writes; none has had it before.
    pub client: Uuid,
}

impl Consensus {
    /// Like [`start`](Self::start), with parts of any make.
    pub async fn start_with<L, M>(settings: Settings, me: Member, parts: Parts<L, M>) -> Result<Self, Error>
    where
        L: Log,
        M: RaftStateMachine<TypeConfig>,
    {
        let Parts { log, machine, state, dialer, clock, client } = parts;
        let config = Arc::new(settings.raft_config(me.cluster)?);
        let durability = Arc::new(Durability::default());
        let links = Arc::new(Links::new(me.clone(), dialer, state.clone(), durability.clone()));
        let log = AheadLog::new(log, me.node, durability.clone())
            .await
            .map_err(|error| stop_reason(me.node, error.into()))?;
        let machine = AheadMachine::new(machine, durability.clone());
        let raft = Raft::new(me.node, config, PeerNetwork(links.clone()), log, machine)
            .await
            .map_err(|fatal| stop_reason(me.node, fatal))?;
        // The closure runs, and the report is made, after openraft has looked at the log.
        raft.with_raft_state(|_| ()).await.map_err(|fatal| stop_reason(me.node, fatal))?;
        let found = raft.data_metrics().borrow().last_log;
        let pulse = Arc::new(Pulse::default());
        let (tasks, cancelled) = (TaskTracker::new(), CancellationToken::new());
        let proposer = Arc::new(Proposer::new(
            me.node,
            raft.clone(),
            clock,
            settings.max_command_bytes,
            settings.election_max,
        ));
        let router = Arc::new(Router {
            leaders: LeaderWatch::start(&tasks, cancelled.clone(), &raft),
            raft: raft.clone(),
            proposer: proposer.clone(),
            links: links.clone(),
            settings: settings.clone(),
        });
        let committed = Arc::new(AtomicU64::new(0));
        let observer = Observer {
            raft: raft.clone(),
            links: links.clone(),
            pulse: pulse.clone(),
            election_max: settings.election_max,
            committed: committed.clone(),
            status: watch::Sender::new(Status::new(&raft.metrics().borrow(), None, BTreeMap::new(), true)),
        };
        let status = observer.status.subscribe();
        let elector = Elector {
            raft: raft.clone(),
            links: links.clone(),
            pulse: pulse.clone(),
            settings: settings.clone(),
        };
        tasks.spawn(cancelled.clone().run_until_cancelled_owned(tell_of_commits(durability, raft.clone())));
        tasks.spawn(cancelled.clone().run_until_cancelled_owned(observer.run()));
        tasks.spawn(cancelled.clone().run_until_cancelled_owned(elector.run()));
        Ok(Self::from(Inner {
            leaders: router.leaders.clone(),
            reads: Reads::start(&tasks, cancelled.clone(), &router, state.clone(), found),
            writer: Writer::start(&tasks, cancelled.clone(), router, client),
            proposals: ProposalMeter::default(),
            changes: Changes::new(raft.clone(), me.node, settings.change_deadline),
            raft,
            state,
            links,
            proposer,
            pulse,
            committed,
            status,
            settings,
            tasks,
            cancelled,
        }))
    }
}

/// Tells the others at once what could not be told to them when it was committed; openraft would at the next heartbeat.
async fn tell_of_commits(durability: Arc<Durability>, raft: RaftHandle) {
    loop {
        durability.released().await;
        if raft.trigger().heartbeat().await.is_err() {
            return;
        }
    }
}

/// What a stop of openraft means.
pub(super) fn stop_reason(node: NodeId, fatal: Fatal<NodeId>) -> Error {
    match fatal {
        // Which file it is stands in the error of the store.
        Fatal::StorageError(error) => {
            Error::Io { path: "vote, log or state".into(), source: io::Error::other(error.to_string()) }
        }
        Fatal::Panicked | Fatal::Stopped => Error::Stopped(node),
    }
}

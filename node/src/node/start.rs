use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etl_cluster::{Candidate, RunLogs, Software};
use etl_raft::consensus::Consensus;
use etl_raft::network::{Dialer, Member};
use etl_raft::store::{DataDir, Identity, Storage};
use etl_raft_state::FEATURE_LEVEL;
use etl_security::{Connector, Credentials, Listener, Peers};
use etl_telemetry::Telemetry;
use uuid::Uuid;

use super::dialer::NodeDialer;
use super::entry::{
    Applicant, Decision, Marker, begin_founding, decide, finish_founding, inspect, set_aside,
};
use super::notify::News;
use super::ready::Ready;
use super::running::{Parts, Running};
use super::settings::{Entry, HttpEndpoint};
use super::signals::Signals;
use super::{Error, NodeSettings, SOFTWARE_VERSION};
use crate::Exit;
use crate::logging::{self, LogControl};

/// How often files with certificates are looked at.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(5);
/// How long tasks that do not end may hold up the end of the process.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Runs a node until it is asked to stop or must. `logs` keeps what it logs about runs.
pub(crate) fn start(
    settings: NodeSettings,
    logs: RunLogs,
    telling: Telling,
    print_addresses: Option<&Path>,
) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("node")
        .build()
        .map_err(Error::io("the runtime"))?;
    if let Some(file) = print_addresses {
        Ready::forget(file)?;
    }
    let ended = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let starting = Starting::begin(settings, logs, telling)?;
        let running = tokio::select! {
            running = starting.finish() => running?,
            number = signals.stop() => {
                tracing::info!(signal = number, "stopped before the node was ready");
                return Ok(Exit::Success);
            }
        };
        running.ready().tell(print_addresses)?;
        News::Ready.tell();
        running.until_end(signals).await
    });
    runtime.shutdown_timeout(LAST_WAIT);
    ended
}

/// What tells of this process while it runs.
pub(crate) struct Telling {
    pub log: LogControl,
    pub telemetry: Telemetry,
}

/// A node that holds its data directory and its ports, and takes part in nothing yet.
struct Starting {
    settings: NodeSettings,
    logs: RunLogs,
    telling: Telling,
    http: Option<Listener>,
    dir: Arc<DataDir>,
    credentials: Option<Credentials>,
    raft: Listener,
    admin: Listener,
    raft_address: String,
    admin_address: String,
    dialer: Arc<dyn Dialer>,
}

/// A node that knows who it is.
struct Entered {
    identity: Identity,
    storage: Storage,
    /// Whether the cluster has yet to be founded.
    is_founding: bool,
}

impl Starting {
    /// Takes what another process may have: the directory and the ports. Blocks shortly.
    fn begin(settings: NodeSettings, logs: RunLogs, telling: Telling) -> Result<Self, Error> {
        let credentials = settings.tls.as_ref().map(Credentials::of_node).transpose()?;
        let dir = Arc::new(DataDir::open(&settings.data_dir)?);
        let raft = Listener::bind(settings.raft.listen, credentials.clone(), Peers::Nodes)?;
        let admin = Listener::bind(settings.admin.listen, credentials.clone(), Peers::Anyone)?;
        let http = listen_http(settings.http, credentials.clone())?;
        let raft_address = settings.raft.advertised.address(raft.address());
        let admin_address = settings.admin.advertised.address(admin.address());
        let dialer: Arc<dyn Dialer> = Arc::new(NodeDialer(Connector::new(credentials.clone())));
        Ok(Self {
            settings,
            logs,
            telling,
            http,
            dir,
            credentials,
            raft,
            admin,
            raft_address,
            admin_address,
            dialer,
        })
    }

    async fn finish(self) -> Result<Running, Error> {
        let Entered { identity, storage, is_founding } = self.enter().await?;
        logging::is_node(identity.node);
        self.telling.telemetry.is_node(identity.node);
        let me = Member {
            cluster: identity.cluster,
            node: identity.node,
            store: identity.store,
            incarnation: Uuid::new_v4().as_u64_pair().0,
            address: self.raft_address.clone(),
        };
        let state = storage.state.clone();
        let consensus =
            Consensus::start(self.settings.consensus.clone(), me, storage, Arc::clone(&self.dialer)).await?;
        if is_founding {
            finish_founding(&self.dir, &consensus, &self.admin_address, &self.settings.zone).await?;
        }
        if let Some(credentials) = &self.credentials {
            tokio::spawn(credentials.clone().keep_fresh(CERTIFICATES_EVERY));
        }
        let ready = Ready {
            node: identity.node,
            cluster: identity.cluster,
            raft: self.raft.address(),
            admin: self.admin.address(),
            http: self.http.as_ref().map(Listener::address),
            raft_advertised: self.raft_address,
            admin_advertised: self.admin_address,
        };
        Running::start(Parts {
            consensus,
            state,
            dir: self.dir,
            dialer: self.dialer,
            credentials: self.credentials,
            raft: self.raft,
            admin: self.admin,
            cluster: self.settings.cluster,
            work: self.settings.work,
            zone: self.settings.zone,
            logs: self.logs,
            telling: self.telling,
            http: self.http,
            ready,
        })
    }

    /// Gets an identity and opens what belongs to it; damaged data is set aside where that is safe.
    async fn enter(&self) -> Result<Entered, Error> {
        let damage = match self.try_enter(&self.settings.entry).await {
            Err(Error::Raft(damage @ etl_raft::Error::Damaged { .. })) => damage,
            other => return other,
        };
        let Entry::Join(addresses) = &self.settings.entry else {
            let why_not = "it cannot join anew, because no other node is named".to_owned();
            return Err(Error::Damaged { damage, why_not });
        };
        let others = self.others(addresses);
        set_aside(&self.dir, damage, &others, &self.dialer).await?;
        self.try_enter(&self.settings.entry).await
    }

    async fn try_enter(&self, entry: &Entry) -> Result<Entered, Error> {
        let decision = decide(&inspect(&self.dir)?, entry);
        let (identity, is_founding) = match decision {
            Decision::Continue(identity) => {
                if *entry != Entry::None {
                    let (node, cluster) = (identity.node, identity.cluster);
                    tracing::info!(node, %cluster, "the node belongs to a cluster; `bootstrap` and `join` mean nothing to it");
                }
                (identity, false)
            }
            Decision::Found => (begin_founding(&self.dir)?, true),
            Decision::GoOnFounding(identity) => (identity, true),
            Decision::Join(addresses) => {
                (self.applicant().join(&self.dir, &self.others(&addresses)).await?, false)
            }
            Decision::NoIdentity => {
                return Err(Error::NoIdentity { data_dir: self.dir.path().to_owned() });
            }
            Decision::Incomplete(problem) => {
                let path = self.dir.path().to_owned();
                return Err(etl_raft::Error::Damaged { path, problem: problem.to_owned() }.into());
            }
        };
        let dir = Arc::clone(&self.dir);
        let opened = tokio::task::spawn_blocking(move || Storage::open(&dir)).await;
        let storage = opened.map_err(|error| Error::Defect(error.to_string()))??;
        if !is_founding {
            Marker::remove(&self.dir)?;
        }
        Ok(Entered { identity, storage, is_founding })
    }

    fn applicant(&self) -> Applicant<'_> {
        Applicant {
            candidate: Candidate {
                store: self.dir.store(),
                raft_address: self.raft_address.clone(),
                admin_address: self.admin_address.clone(),
                software: software(),
                zone: self.settings.zone.clone(),
            },
            dialer: &self.dialer,
            patience: self.settings.join_timeout,
        }
    }

    /// Without its own address, which is bound and answers nothing yet.
    fn others(&self, addresses: &[String]) -> Vec<String> {
        addresses.iter().filter(|address| **address != self.admin_address).cloned().collect()
    }
}

/// A port that nobody has asked for is not worth a node.
fn listen_http(endpoint: HttpEndpoint, credentials: Option<Credentials>) -> Result<Option<Listener>, Error> {
    match endpoint {
        HttpEndpoint::Off => Ok(None),
        HttpEndpoint::At(address) => Ok(Some(Listener::bind(address, credentials, Peers::Anyone)?)),
        HttpEndpoint::IfFree(address) => match Listener::bind(address, credentials, Peers::Anyone) {
            Ok(listener) => Ok(Some(listener)),
            Err(error) => {
                tracing::warn!(%error, "metrics and health are not told over HTTP; say where with --http-listen");
                Ok(None)
            }
        },
    }
}

/// What this program is.
pub(super) fn software() -> Software {
    #[cfg(feature = "failpoints")]
    if let Some(pretended) = pretended() {
        return pretended;
    }
    Software { version: SOFTWARE_VERSION.to_owned(), feature_level: FEATURE_LEVEL }
}

/// What a node under test says that it is, so that upgrades can be rehearsed with one program: `VERSION:LEVEL`.
#[cfg(feature = "failpoints")]
fn pretended() -> Option<Software> {
    let text = std::env::var("ACTIX_ETL_PRETENDED_SOFTWARE").ok()?;
    let (version, level) = text.split_once(':')?;
    Some(Software { version: version.to_owned(), feature_level: level.parse().ok()? })
}

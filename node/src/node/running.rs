use std::sync::{Arc, LazyLock};

use etl_api::{AdminParts, AdminServices, admin_services};
use etl_cluster::{Duties, Local, RunLogs, Settings, Work, WorkParts};
use etl_engine::Taps;
use etl_model::{RunId, WorkflowName};
use etl_raft::consensus::Consensus;
use etl_raft::network::{self, Dialer};
use etl_raft::store::{DataDir, SharedState};
use etl_sdk::Registry;
use etl_security::{Credentials, Listener, Reload};
use etl_state::DeadLetterFiles;
use etl_telemetry::Telemetry;
use etl_workflow::{Inputs, Workflow};
use tokio::time::Instant;

use super::insight::{NodeInsight, NodeTold};
use super::meter::{LogMeter, NodeMeter};
use super::notify::News;
use super::probe::NodeProbe;
use super::ready::Ready;
use super::serving::Serving;
use super::settings::WorkSettings;
use super::signals::{Asked, Signals};
use super::start::{Telling, software};
use super::stop::{DRAIN_TIMEOUT, STOP_TIMEOUT, hand_over, step};
use super::ties::ties;
use super::workshop::NodeWorkshop;
use super::{Error, SOFTWARE_VERSION};
use crate::http::routes as http_routes;
use crate::{Exit, logging};

/// Channels that one node may have open to this one: one for each partition and step that is carried out here.
const RELAY_CHANNELS: u32 = 1 << 16;

/// How long the collector of traces may take for the last ones.
const LAST_SPANS: std::time::Duration = std::time::Duration::from_secs(2);

/// What a node that takes part is made of.
pub(super) struct Parts {
    pub consensus: Consensus,
    pub state: SharedState,
    pub dir: Arc<DataDir>,
    pub dialer: Arc<dyn Dialer>,
    pub credentials: Option<Credentials>,
    pub raft: Listener,
    pub admin: Listener,
    pub cluster: Settings,
    pub work: WorkSettings,
    pub zone: String,
    /// What it logs about runs.
    pub logs: RunLogs,
    pub telling: Telling,
    /// Where metrics and health are told.
    pub http: Option<Listener>,
    pub ready: Ready,
}

/// A node that takes part.
pub(super) struct Running {
    consensus: Consensus,
    duties: Duties,
    work: Work,
    raft: Serving,
    admin: Serving,
    http: Option<Serving>,
    telemetry: Telemetry,
    /// Holds the task that tells health.
    services: AdminServices,
    credentials: Option<Credentials>,
    ready: Ready,
    /// Locked for as long as this lives.
    dir: Arc<DataDir>,
}

/// Why a node ends.
enum End {
    Asked(u8),
    Removed,
    Failed(Error),
}

impl Running {
    /// Serves both listeners and takes up the duties. Needs a tokio runtime.
    pub fn start(parts: Parts) -> Result<Self, Error> {
        let Parts {
            consensus,
            state,
            dir,
            dialer,
            credentials,
            raft,
            admin,
            cluster,
            work: settings,
            zone,
            logs,
            telling: Telling { log, telemetry },
            http,
            ready,
        } = parts;
        let probe = Arc::new(NodeProbe { dir: Arc::clone(&dir), state, credentials: credentials.clone() });
        let taps = Arc::new(Taps::new(etl_formats::json::row_to_value));
        let local = Local {
            admin_address: ready.admin_advertised.clone(),
            software: software(),
            zone,
            taps: Arc::clone(&taps),
            logs,
        };
        let lease = cluster.down_after;
        let duties =
            Duties::start(consensus.clone(), Arc::clone(&dialer), local, Arc::clone(&probe) as _, cluster);
        let letters = DeadLetterFiles::new(dir.path());
        duties.count_letters_by(Arc::new(move |workflow, run| {
            let counted =
                WorkflowName::new(workflow).map(|workflow| letters.count(&workflow, RunId::from(run)));
            match counted {
                Ok(Ok(count)) => count,
                Ok(Err(error)) => {
                    tracing::warn!(%run, %error, "the dead letters of a run cannot be counted");
                    0
                }
                Err(_) => 0,
            }
        }));
        let workshop = Arc::new(NodeWorkshop::new(dir.path(), settings.clone(), telemetry.clone()));
        let work = Work::start(WorkParts {
            consensus: consensus.clone(),
            workshop,
            dialer: Arc::clone(&dialer),
            answered: duties.answered(),
            lease,
            threads: settings.threads,
            taps,
            desk: duties.desk(),
        })
        .map_err(|error| Error::Defect(error.to_string()))?;
        let members_only = network::server()
            .max_concurrent_streams(RELAY_CHANNELS)
            .add_service(consensus.service())
            .add_service(work.relay().clone().into_server());
        let raft = Serving::start("raft", members_only, raft);
        let services = admin_services(AdminParts {
            consensus: consensus.clone(),
            duties: duties.clone(),
            dialer,
            lint: Arc::new(lint),
            locality: Arc::new(ties),
            insight: Arc::new(NodeInsight { log, telemetry: telemetry.clone(), probe: Arc::clone(&probe) }),
        })
        .map_err(|error| Error::Defect(error.to_string()))?;
        let routes = services.routes.clone().add_service(duties.service());
        let admin = Serving::start("admin", network::server().add_routes(routes), admin);
        telemetry.sample_with(Arc::new(NodeMeter {
            consensus: consensus.clone(),
            desk: duties.desk(),
            probe,
            sight: services.sight.clone(),
            version: SOFTWARE_VERSION,
        }));
        telemetry.sample_with(Arc::new(LogMeter(logging::counts())));
        let told = Arc::new(NodeTold { telemetry: telemetry.clone(), sight: services.sight.clone() });
        let http = http.map(|listener| {
            let router = network::server().accept_http1(true).add_routes(http_routes(told).into());
            Serving::start("http", router, listener)
        });
        Ok(Self { consensus, duties, work, raft, admin, http, telemetry, services, credentials, ready, dir })
    }

    /// Who and where it is.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Serves until it is asked to stop, was removed, or cannot go on.
    pub async fn until_end(mut self, mut signals: Signals) -> Result<Exit, Error> {
        let end = loop {
            let asked = tokio::select! {
                asked = signals.next() => asked,
                error = self.consensus.stopped() => break End::Failed(Error::Stopped(error)),
                error = self.raft.failed() => break End::Failed(error),
                error = self.admin.failed() => break End::Failed(error),
                error = failed(&mut self.http) => break End::Failed(error),
                () = self.duties.removed() => break End::Removed,
            };
            match asked {
                Asked::Stop(number) => break End::Asked(number),
                Asked::Reload => self.reload().await,
            }
        };
        match end {
            // Nothing may be done in good order any more: what was promised to others may not be on the disk.
            End::Failed(error) => return Err(error),
            End::Asked(number) => tracing::info!(signal = number, "stopping; once more to end at once"),
            End::Removed => tracing::warn!(
                "the cluster has removed this node, which ends now; it can join again with an empty data directory"
            ),
        }
        News::Stopping.tell();
        tokio::select! {
            () = self.stop() => {}
            number = signals.stop() => return Ok(Exit::Signal(number)),
        }
        Ok(Exit::Success)
    }

    /// Ends in good order: no new calls, no duties, leadership to another, then consensus.
    async fn stop(self) {
        let Self { consensus, duties, work, mut raft, mut admin, http, telemetry, services, dir, .. } = self;
        let until = Instant::now() + STOP_TIMEOUT;
        admin.close();
        step("work", until, work.shutdown(DRAIN_TIMEOUT)).await;
        step("duties", until, duties.shutdown()).await;
        hand_over(&consensus).await;
        raft.close();
        step("consensus", until, consensus.shutdown()).await;
        // Calls that wait for consensus have ended with it.
        step("admin listener", until, admin.closed()).await;
        step("raft listener", until, raft.closed()).await;
        drop(http);
        let spans = tokio::task::spawn_blocking(move || telemetry.finish(LAST_SPANS));
        step("traces", until, async { drop(spans.await) }).await;
        drop((services, duties, consensus, dir));
        tracing::info!("stopped");
    }

    /// Takes up new certificates now.
    async fn reload(&self) {
        let Some(credentials) = self.credentials.clone() else { return };
        match tokio::task::spawn_blocking(move || credentials.reload()).await {
            Ok(Ok(Reload::Replaced)) => tracing::info!("new certificates are in use"),
            Ok(Ok(Reload::Unchanged)) => tracing::info!("the certificates have not changed"),
            Ok(Err(error)) => {
                tracing::error!(%error, "new certificates cannot be used; the ones in use stay")
            }
            Err(defect) => tracing::error!(%defect, "the certificates could not be looked at"),
        }
    }
}

/// Resolves when a listener that is there has ended by itself.
async fn failed(listener: &mut Option<Serving>) -> Error {
    match listener {
        Some(listener) => listener.failed().await,
        None => std::future::pending().await,
    }
}

pub(super) static REGISTRY: LazyLock<Registry> = LazyLock::new(etl_connectors::registry);

/// Reads and validates a document with the connectors and variables of this node and what a run gives to it.
pub(super) fn lint(document: &str, inputs: &Inputs) -> Result<Workflow, etl_workflow::Diagnostics> {
    let environment = |name: &str| std::env::var(name).ok();
    etl_workflow::load_with("workflow", document.as_bytes(), &environment, inputs, &REGISTRY)
}

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etl_engine::{ActorSystem, Desk, EngineError, Taps};
use etl_raft::consensus::Consensus;
use etl_raft::network::Dialer;
use etl_relay::{Relay, RelayService, RelaySettings};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::lease::Lease;
use super::worker::Worker;
use super::workshop::Workshop;
use crate::hosts::{Hosts, Reachable, Relays};

/// After the worker has ended by a defect, before it begins again.
const PAUSE: Duration = Duration::from_secs(1);

/// What the work of a node is done with.
pub struct WorkParts {
    /// This node's part in consensus.
    pub consensus: Consensus,
    /// Builds workflows.
    pub workshop: Arc<dyn Workshop>,
    /// Reaches the Raft addresses of other members.
    pub dialer: Arc<dyn Dialer>,
    /// When the leader has last answered a heartbeat of this node.
    pub answered: watch::Receiver<Instant>,
    /// For how long it may work without an answer.
    pub lease: Duration,
    /// Threads for actors.
    pub threads: NonZeroUsize,
    /// Shows the records that pass.
    pub taps: Arc<Taps>,
    /// Keeps the limits of steps.
    pub desk: Desk,
}

/// The work of this node for the runs of the cluster. It goes on until [`shutdown`](Self::shutdown), or until this is
/// dropped.
pub struct Work {
    relay: RelayService,
    stop: CancellationToken,
    /// What is left for chains to end in good order once it stops, in milliseconds.
    patience: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Work {
    /// Takes up what is assigned to this node, now and later. Needs a runtime.
    ///
    /// # Errors
    /// Its threads cannot be started.
    pub fn start(parts: WorkParts) -> Result<Self, EngineError> {
        let WorkParts { consensus, workshop, dialer, answered, lease, threads, taps, desk } = parts;
        let settings = RelaySettings { threads, ..RelaySettings::default() };
        let reach = Arc::new(Reachable::new(consensus.clone(), dialer));
        let relays = Relays::new(&consensus, Relay::new(reach, settings, Handle::current()));
        let hosts = Arc::new(Hosts::new(consensus.clone(), Arc::clone(&workshop), Arc::clone(&taps)));
        let relay = RelayService::new(hosts, settings)
            .map_err(|error| EngineError::Internal(format!("the threads of the relay: {error}")))?;
        let system = Arc::new(ActorSystem::start(threads)?);
        let stop = CancellationToken::new();
        let lease = Lease::new(answered, lease);
        let stopping = stop.clone();
        let patience = Arc::new(AtomicU64::new(0));
        let left = Arc::clone(&patience);
        let task = tokio::spawn(async move {
            loop {
                let worker = Worker::new(
                    consensus.clone(),
                    Arc::clone(&workshop),
                    lease.clone(),
                    Arc::clone(&system),
                    Arc::clone(&taps),
                    relays.clone(),
                    desk.clone(),
                );
                let ended = tokio::spawn(worker.run(stopping.clone(), Arc::clone(&left))).await;
                match ended {
                    Err(defect) if defect.is_panic() => {
                        tracing::error!(%defect, "the worker has failed; beginning again");
                    }
                    _ => break,
                }
                if stopping.run_until_cancelled(sleep(PAUSE)).await.is_none() {
                    break;
                }
            }
            // Its threads are waited for.
            let ended = tokio::task::spawn_blocking(move || drop(system)).await;
            if let Err(defect) = ended {
                tracing::error!(%defect, "the actor threads have not ended well");
            }
        });
        Ok(Self { relay, stop, patience, task })
    }

    /// What carries out steps for other nodes; to be served where only members get.
    pub fn relay(&self) -> &RelayService {
        &self.relay
    }

    /// Takes up nothing more, commits what has been read for as long as `patience` lasts, cuts off the rest, and waits
    /// until nothing runs any more. To be done before consensus is shut down. What is assigned to this node stays so until
    /// the leader finds it gone.
    pub async fn shutdown(mut self, patience: Duration) {
        self.patience.store(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.stop.cancel();
        if let Err(defect) = (&mut self.task).await {
            tracing::error!(%defect, "the worker has not ended well");
        }
        self.relay.shutdown().await;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

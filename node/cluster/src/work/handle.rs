use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etl_engine::{ActorSystem, EngineError};
use etl_raft::consensus::Consensus;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::lease::Lease;
use super::worker::Worker;
use super::workshop::Workshop;

/// After the worker has ended by a defect, before it begins again.
const PAUSE: Duration = Duration::from_secs(1);

/// The work of this node for the runs of the cluster. It goes on until [`shutdown`](Self::shutdown), or until this is
/// dropped.
pub struct Work {
    stop: CancellationToken,
    /// What is left for chains to end in good order once it stops, in milliseconds.
    patience: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Work {
    /// Takes up what is assigned to this node, now and later. `answered` tells when the leader has last answered a
    /// heartbeat of this node, `lease` for how long it may work without an answer. Needs a runtime.
    ///
    /// # Errors
    /// Its threads cannot be started.
    pub fn start(
        consensus: Consensus,
        workshop: Arc<dyn Workshop>,
        answered: watch::Receiver<Instant>,
        lease: Duration,
        threads: NonZeroUsize,
    ) -> Result<Self, EngineError> {
        let system = Arc::new(ActorSystem::start(threads)?);
        let stop = CancellationToken::new();
        let lease = Lease::new(answered, lease);
        let stopping = stop.clone();
        let patience = Arc::new(AtomicU64::new(0));
        let left = Arc::clone(&patience);
        let task = tokio::spawn(async move {
            loop {
                let worker =
                    Worker::new(consensus.clone(), Arc::clone(&workshop), lease.clone(), Arc::clone(&system));
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
        Ok(Self { stop, patience, task })
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
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

use std::sync::Arc;
use std::time::Duration;

use etl_proto::admin as wire;
use etl_raft::consensus::Consensus;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::sleep;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;

use super::Shared;
use super::run_target::to_read;
use super::run_views::RunReader;
use crate::model::{RunTarget, RunView};
use crate::refusal::{Kind, Refusal};

/// How long there is nothing new for a watcher after it was told something.
const PERIOD: Duration = Duration::from_millis(200);
/// Watchers of one node at the same time: each looks through a run up to five times a second.
const AT_ONCE: usize = 256;

/// Those who watch a run.
pub(super) struct Watchers(Arc<Semaphore>);

impl Watchers {
    /// A place for one more, for as long as it is held.
    pub fn enter(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            Refusal::new(Kind::Unavailable, "busy", format!("{AT_ONCE} watchers are served by this node"))
                .help("ask another node")
        })
    }
}

impl Default for Watchers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Shared {
    /// Tells how a run is until it is over. The first view has every write that was acknowledged before the call; later
    /// ones come as this node learns of them.
    pub(super) async fn watch_run(
        &self,
        request: wire::WatchRunRequest,
    ) -> Result<impl Stream<Item = Result<wire::WatchRunResponse, Status>> + use<>, Refusal> {
        let permit = self.watchers.enter()?;
        let target = RunTarget::from_wire(request.target)?;
        let run = self.consensus.read(move |state| to_read(state, &target)).await??;
        let (sender, views) = mpsc::channel(1);
        let consensus = self.consensus.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let ended = tokio::select! {
                ended = follow(&consensus, run, &sender) => ended,
                error = consensus.stopped() => Err(error.into()),
                () = sender.closed() => Ok(()),
            };
            if let Err(refusal) = ended {
                // Nobody listens any more when this fails.
                let _ = sender.send(Err(refusal.into())).await;
            }
        });
        Ok(ReceiverStream::new(views))
    }
}

type Views = mpsc::Sender<Result<wire::WatchRunResponse, Status>>;

/// Sends what has changed until the run is over or nobody listens.
async fn follow(consensus: &Consensus, run: Uuid, views: &Views) -> Result<(), Refusal> {
    let mut applied = consensus.applied();
    let mut reader = RunReader::new(run);
    let mut last: Option<RunView> = None;
    loop {
        // Marked before the state is read: what is applied in between is looked at again.
        applied.mark_unchanged();
        let Some(seen) = consensus.peek(|state| reader.look(state)) else {
            let message = format!("run {run} is not kept any more");
            return Err(Refusal::new(Kind::NotFound, "not_found", message)
                .help("see `runs list` for those that are kept"));
        };
        let view = reader.view(seen);
        if last.as_ref() != Some(&view) {
            let is_over = view.summary.phase.is_over();
            let told = views.send(Ok(wire::WatchRunResponse { run: Some((&view).into()) })).await;
            if told.is_err() || is_over {
                return Ok(());
            }
            last = Some(view);
        }
        sleep(PERIOD).await;
        if applied.changed().await.is_err() {
            return Err(
                Refusal::new(Kind::Unavailable, "stopping", "the node is stopping").help("ask another node")
            );
        }
    }
}

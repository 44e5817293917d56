use std::sync::Arc;

use etl_raft_state::{Command, Envelope, Response, Session};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::batch::Batch;
use super::router::Router;
use super::session::Sessions;
use crate::error::Error;

/// More writes than this wait before they are even queued.
const QUEUE: usize = 4096;

/// No batch has more commands.
const MOST_COMMANDS: usize = 1024;

/// A write that waits for its turn or its answer.
pub(super) struct Pending {
    pub command: Command,
    /// The most that an entry with this command alone can have.
    pub size: usize,
    pub session: Option<Session>,
    pub until: Instant,
    pub answer: oneshot::Sender<Result<Response, Error>>,
}

/// Carries the writes of this node to the leader. A few proposals are under way at once; what arrives meanwhile goes into one
/// entry together, because an entry of the leader costs a sync of its disk each.
pub(super) struct Writer {
    router: Arc<Router>,
    queue: mpsc::Sender<Pending>,
}

impl Writer {
    /// Runs until it is cancelled or dropped.
    pub fn start(
        tasks: &TaskTracker,
        cancelled: CancellationToken,
        router: Arc<Router>,
        client: Uuid,
    ) -> Self {
        let (queue, queued) = mpsc::channel(QUEUE);
        let collector = Collector {
            router: router.clone(),
            sessions: Sessions::new(client),
            in_flight: Arc::new(Semaphore::new(router.settings.proposals_in_flight)),
            tasks: tasks.clone(),
            cancelled: cancelled.clone(),
        };
        tasks.spawn(cancelled.run_until_cancelled_owned(collector.run(queued)));
        Self { router, queue }
    }

    /// See [`Consensus::write`](super::Consensus::write).
    pub async fn write(&self, session: Option<Session>, command: Command) -> Result<Response, Error> {
        let until = Instant::now() + self.router.settings.write_deadline;
        // As large as it can become: the leader stamps the time, and there is always a session.
        let session_at_most =
            session.unwrap_or(Session { client: Uuid::max(), seq: u64::MAX, acknowledged_below: u64::MAX });
        let envelope = Envelope { time_ms: u64::MAX, session: Some(session_at_most), command };
        let size = self.router.proposer.size(&envelope)?;
        let command = envelope.command;
        let (answer, answered) = oneshot::channel();
        let stopped = || Error::Stopped(self.router.links.me.node);
        let pending = Pending { command, size, session, until, answer };
        match tokio::time::timeout_at(until, self.queue.send(pending)).await {
            Ok(queued) => queued.map_err(|_| stopped())?,
            Err(_) => return Err(Error::NoLeader("too many writes wait for a leader".to_owned())),
        }
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// Makes batches of what is queued.
struct Collector {
    router: Arc<Router>,
    sessions: Arc<Sessions>,
    in_flight: Arc<Semaphore>,
    tasks: TaskTracker,
    cancelled: CancellationToken,
}

impl Collector {
    async fn run(self, mut queued: mpsc::Receiver<Pending>) {
        let mut held = None;
        // The semaphore is never closed.
        while let Ok(permit) = self.in_flight.clone().acquire_owned().await {
            let first = match held.take() {
                Some(pending) => pending,
                None => match queued.recv().await {
                    Some(pending) => pending,
                    None => return,
                },
            };
            let limit = self.router.settings.max_command_bytes;
            let members = gather(first, &mut held, || queued.try_recv().ok(), limit);
            let batch = Batch::new(self.router.clone(), members, &self.sessions);
            let cancelled = self.cancelled.clone();
            self.tasks.spawn(async move {
                let _permit = permit;
                cancelled.run_until_cancelled(batch.run()).await;
            });
        }
    }
}

/// `first` and what may share an entry with it; the one that does not fit any more is held for the next.
fn gather(
    first: Pending,
    held: &mut Option<Pending>,
    mut next: impl FnMut() -> Option<Pending>,
    limit: usize,
) -> Vec<Pending> {
    let mut size = first.size;
    let mut shareable = may_share(&first);
    let mut members = vec![first];
    while shareable && members.len() < MOST_COMMANDS {
        let Some(pending) = next() else { break };
        if pending.answer.is_closed() {
            continue;
        }
        size = size.saturating_add(pending.size);
        shareable = may_share(&pending) && size <= limit;
        if !shareable {
            *held = Some(pending);
            break;
        }
        members.push(pending);
    }
    members
}

/// Whether a command means the same inside a batch. Not so when its answer is the index of its entry, or when it has a session
/// of its own.
fn may_share(pending: &Pending) -> bool {
    pending.session.is_none()
        && match pending.command {
            Command::UpdateNode(_)
            | Command::SetNodeState(_)
            | Command::PutWorkflow(_)
            | Command::DeleteWorkflow(_)
            | Command::FireSchedule(_)
            | Command::SkipTicks(_)
            | Command::DeleteSchedule(_)
            | Command::StartRun(_)
            | Command::HaltRun(_)
            | Command::ResumeRun(_)
            | Command::AddPartitions(_)
            | Command::FinishRun(_)
            | Command::HostShards(_)
            | Command::ForgetProgress(_)
            | Command::Assign(_)
            | Command::BeginDrain(_)
            | Command::Claim(_)
            | Command::Release(_)
            | Command::AdvanceCheckpoints(_)
            | Command::DeleteSecret(_)
            | Command::DeleteUser(_)
            | Command::RecordAudit(_) => true,
            Command::RegisterNode(_)
            | Command::PutSchedule(_)
            | Command::PutSecret(_)
            | Command::PutUser(_)
            | Command::RaiseFeatureLevel(_)
            | Command::AdoptCluster(_)
            | Command::Batch(_) => false,
        }
}

use std::time::Duration;

use etl_engine::PortError;
use etl_raft::consensus::Consensus;
use etl_raft_state::command::{AdvanceCheckpoints, CheckpointItem};
use etl_raft_state::{Advance, Response};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// The shortest time between two commands, and before one whose outcome is not known is repeated.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest time between two commands because of load.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Checkpoints may take up to one part of so many of the time of a log that is busy with others.
const SHARE: u32 = 5;
/// Items of one command; one takes 3 KiB at most.
const ITEMS: usize = 200;

type Stored = Result<Vec<Advance>, PortError>;

/// Checkpoints that wait, and where their results go.
struct Waiting {
    items: Vec<CheckpointItem>,
    reply: oneshot::Sender<Stored>,
}

/// Puts the checkpoints of all partitions of this node into few commands. Clones are the same.
#[derive(Clone)]
pub(crate) struct Checkpointer {
    queue: mpsc::UnboundedSender<Waiting>,
}

impl Checkpointer {
    /// Works until `end` is cancelled; whoever waits then is told so. Needs a runtime.
    pub fn start(consensus: Consensus, end: CancellationToken) -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        tokio::spawn(end.run_until_cancelled_owned(drive(consensus, waiting)));
        Self { queue }
    }

    /// Stores checkpoints; one result each, in their order. Waits for as long as consensus has no leader: a checkpoint is
    /// a hint, and its chain goes on meanwhile.
    pub async fn store(&self, items: Vec<CheckpointItem>) -> Stored {
        let (reply, results) = oneshot::channel();
        self.queue.send(Waiting { items, reply }).map_err(|_| PortError::passing("the node is stopping"))?;
        results.await.map_err(|_| PortError::passing("the node is stopping"))?
    }
}

/// How long after the begin of commands that took so long the next ones may follow. Meanwhile newer checkpoints take the place of those
/// that wait: under load they are what is left out first.
fn rest(took: Duration) -> Duration {
    (took * SHARE).clamp(PAUSE, LONGEST_PAUSE)
}

async fn drive(consensus: Consensus, mut queue: mpsc::UnboundedReceiver<Waiting>) {
    let mut next = Instant::now();
    while let Some(first) = queue.recv().await {
        sleep_until(next).await;
        let began = Instant::now();
        let mut waiting = vec![first];
        while let Ok(more) = queue.try_recv() {
            waiting.push(more);
        }
        let items: Vec<CheckpointItem> =
            waiting.iter().flat_map(|waiting| waiting.items.iter().cloned()).collect();
        let mut stored: Stored = Ok(Vec::with_capacity(items.len()));
        for part in items.chunks(ITEMS) {
            if let Ok(advances) = &mut stored {
                match write(&consensus, part).await {
                    Ok(more) => advances.extend(more),
                    Err(error) => stored = Err(error),
                }
            }
        }
        next = began + rest(began.elapsed());
        let mut advances = stored.map(Vec::into_iter);
        for Waiting { items, reply } in waiting {
            let share = advances.as_mut().map(|all| all.by_ref().take(items.len()).collect());
            // Whoever has asked is gone together with its chains.
            let _ = reply.send(share.map_err(|error| error.clone()));
        }
    }
}

async fn write(consensus: &Consensus, items: &[CheckpointItem]) -> Stored {
    let me = consensus.member();
    loop {
        let command =
            AdvanceCheckpoints { node: me.node, incarnation: me.incarnation, items: items.to_vec() };
        match consensus.write(command).await {
            Ok(Response::Advanced(advances)) if advances.len() == items.len() => return Ok(advances),
            Ok(Response::Rejected(rejection)) => return Err(PortError::passing(rejection.to_string())),
            Ok(other) => return Err(PortError::defect(format!("the state answered {other:?}"))),
            // Each item is guarded by its unit and its epoch: sending it again is harmless.
            Err(etl_raft::Error::NoLeader(_) | etl_raft::Error::Unknown(_)) => sleep(PAUSE).await,
            Err(error) => return Err(PortError::passing(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_log_is_asked_less_often() {
        let ms = Duration::from_millis;
        for (took, rests) in [(ms(0), PAUSE), (ms(5), PAUSE), (ms(50), ms(250)), (ms(300), ms(1500))] {
            assert_eq!(rest(took), rests);
        }
        assert_eq!(rest(Duration::from_secs(60)), LONGEST_PAUSE);
    }
}

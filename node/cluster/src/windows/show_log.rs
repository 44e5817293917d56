use std::time::Duration;

use etl_proto::cluster as wire;
use etl_raft::consensus::Consensus;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::Status;
use uuid::Uuid;

use super::Watched;
use super::gather::Pieces;
use super::log_wire::to_wire;
use super::run_logs::{LogLevel, RunLogs};

/// How often it is looked whether a run is over while nothing is logged.
const TICK: Duration = Duration::from_millis(300);
/// Events of one piece; each has a few KiB at most.
const EVENTS: usize = 16;
/// Pieces that wait for the network.
const PIECES: usize = 4;

/// What is asked of a node's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogOrder {
    pub run: Uuid,
    pub least: LogLevel,
    /// Whether events that come later are told, until the run is over.
    pub follow: bool,
}

/// Tells what this node has logged about a run. Needs a runtime.
pub(crate) fn show_log(
    consensus: &Consensus,
    logs: &RunLogs,
    order: LogOrder,
) -> Pieces<wire::ReadRunLogResponse> {
    let (sender, pieces) = mpsc::channel(PIECES);
    let (consensus, logs) = (consensus.clone(), logs.clone());
    tokio::spawn(async move {
        let gone = sender.clone();
        tokio::select! {
            () = show(&consensus, &logs, order, sender) => {}
            () = gone.closed() => {}
            _ = consensus.stopped() => {
                // Nobody listens any more when this fails.
                let _ = gone.try_send(Err(Status::unavailable("the node is stopping")));
            }
        }
    });
    let next = |mut pieces: mpsc::Receiver<_>| async move { Some((pieces.recv().await?, pieces)) };
    futures::stream::unfold(pieces, next).boxed()
}

async fn show(
    consensus: &Consensus,
    logs: &RunLogs,
    order: LogOrder,
    pieces: mpsc::Sender<Result<wire::ReadRunLogResponse, Status>>,
) {
    let incarnation = consensus.member().incarnation;
    let mut watched = Watched::default();
    let mut last = 0;
    let mut has_lingered = false;
    loop {
        let news = logs.news();
        let is_over = !order.follow || watched.is_over(consensus, order.run);
        let events = logs.after(order.run, last, order.least, EVENTS);
        let Some(newest) = events.last().map(|event| event.number) else {
            if is_over && (has_lingered || !order.follow) {
                return;
            }
            // Who has ended it says so only then.
            has_lingered = is_over;
            // Either way it is looked again.
            let _ = timeout(TICK, news).await;
            continue;
        };
        last = newest;
        let events = events.iter().map(to_wire).collect();
        if pieces.send(Ok(wire::ReadRunLogResponse { incarnation, events })).await.is_err() {
            return;
        }
    }
}

use std::sync::Arc;
use std::time::Duration;

use etl_proto::cluster as wire;
use etl_proto::cluster::cluster_client::ClusterClient;
use etl_raft::NodeId;
use etl_raft::consensus::Consensus;
use etl_raft::network::Dialer;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tonic::Status;
use tonic::transport::Channel;

use super::gather::{Gather, News, Pieces, Question, pieces};
use super::log_wire::{from_wire, log_request};
use super::run_logs::{LogEvent, RunLogs};
use super::show_log::{LogOrder, show_log};

/// How long events of several nodes are held back so that they can be put in order.
const WINDOW: Duration = Duration::from_millis(200);
/// The same at the beginning, while nodes tell what they have.
const FIRST_WINDOW: Duration = Duration::from_secs(1);
/// Events of one piece for the caller.
const EVENTS: usize = 128;
/// Pieces that wait for the caller.
const PIECES: usize = 4;

/// An event of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEvent {
    pub node: NodeId,
    /// Names the process of the node that has logged it.
    pub incarnation: u64,
    /// Counts the events of the run in that process, from 1.
    pub number: u64,
    pub event: LogEvent,
}

/// What is told of the log of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogNews {
    /// In the order of their time, as far as they came together. An event may come twice when a connection broke.
    Events(Vec<NodeEvent>),
    /// What this node has logged is missing, and why.
    Silent { node: NodeId, reason: String },
}

/// What all nodes are asked for a log.
struct LogQuestion {
    consensus: Consensus,
    logs: RunLogs,
    order: LogOrder,
}

impl Question for LogQuestion {
    type Piece = wire::ReadRunLogResponse;

    fn here(&self) -> Result<Pieces<Self::Piece>, Status> {
        Ok(show_log(&self.consensus, &self.logs, self.order))
    }

    fn there(
        &self,
        mut client: ClusterClient<Channel>,
    ) -> BoxFuture<'static, Result<Pieces<Self::Piece>, Status>> {
        let request = log_request(self.order);
        Box::pin(async move { Ok(pieces(client.read_run_log(request).await?.into_inner())) })
    }
}

/// Tells what all nodes have logged about a run, by time, and what they log until it is over when that is asked for.
pub(crate) fn watch_log(
    consensus: &Consensus,
    dialer: &Arc<dyn Dialer>,
    logs: &RunLogs,
    order: LogOrder,
) -> mpsc::Receiver<LogNews> {
    let (sender, told) = mpsc::channel(PIECES);
    let question = LogQuestion { consensus: consensus.clone(), logs: logs.clone(), order };
    let gather = Gather {
        consensus: consensus.clone(),
        dialer: Arc::clone(dialer),
        run: order.run,
        question: Arc::new(question),
        persist: order.follow,
    };
    let news = gather.start();
    tokio::spawn(merge(news, sender, order.follow));
    told
}

async fn merge(
    mut news: mpsc::Receiver<(NodeId, News<wire::ReadRunLogResponse>)>,
    told: mpsc::Sender<LogNews>,
    follow: bool,
) {
    let mut waiting: Vec<NodeEvent> = Vec::new();
    let mut ticks = interval_at(Instant::now() + FIRST_WINDOW, WINDOW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (node, news) = tokio::select! {
            news = news.recv() => match news {
                Some(news) => news,
                None => break,
            },
            // Without `follow` everything is put in order.
            _ = ticks.tick(), if follow => {
                if flush(&mut waiting, &told).await.is_err() {
                    return;
                }
                continue;
            }
        };
        match news {
            News::Begins => {}
            News::Silent(reason) => {
                if told.send(LogNews::Silent { node, reason }).await.is_err() {
                    return;
                }
            }
            News::Piece(wire::ReadRunLogResponse { incarnation, events }) => {
                waiting.extend(events.into_iter().map(|event| {
                    let (number, event) = from_wire(event);
                    NodeEvent { node, incarnation, number, event }
                }));
            }
        }
    }
    // Nobody listens any more when this fails.
    let _ = flush(&mut waiting, &told).await;
}

/// Tells what waits, by time.
async fn flush(
    waiting: &mut Vec<NodeEvent>,
    told: &mpsc::Sender<LogNews>,
) -> Result<(), mpsc::error::SendError<LogNews>> {
    let mut events = std::mem::take(waiting);
    sort(&mut events);
    while !events.is_empty() {
        let rest = events.split_off(events.len().min(EVENTS));
        told.send(LogNews::Events(std::mem::replace(&mut events, rest))).await?;
    }
    Ok(())
}

/// By time; those of one process stay in their order, whatever its clock has done.
fn sort(events: &mut [NodeEvent]) {
    events.sort_by_key(|event| (event.node, event.incarnation, event.number));
    let mut latest: Option<(NodeId, u64, u64)> = None;
    let mut times: Vec<u64> = Vec::with_capacity(events.len());
    for event in events.iter() {
        let before =
            latest.filter(|(node, incarnation, _)| (*node, *incarnation) == (event.node, event.incarnation));
        let time = before.map_or(event.event.at_us, |(_, _, time)| time.max(event.event.at_us));
        latest = Some((event.node, event.incarnation, time));
        times.push(time);
    }
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|&place| times.get(place).copied());
    let sorted: Vec<NodeEvent> = order.iter().filter_map(|&place| events.get(place).cloned()).collect();
    events.iter_mut().zip(sorted).for_each(|(place, event)| *place = event);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::run_logs::LogLevel;
    use super::*;

    fn event(node: NodeId, number: u64, at_us: u64) -> NodeEvent {
        let (target, message, fields) = (String::new(), String::new(), Vec::new());
        let event = LogEvent { at_us, level: LogLevel::Info, target, message, fields };
        NodeEvent { node, incarnation: 1, number, event }
    }

    #[test]
    fn events_of_all_nodes_are_put_in_order_by_time() {
        let mut events = vec![event(2, 1, 15), event(1, 1, 10), event(1, 3, 30), event(1, 2, 5)];
        sort(&mut events);
        let order: Vec<_> = events.iter().map(|event| (event.node, event.number)).collect();
        assert_eq!(order, [(1, 1), (1, 2), (2, 1), (1, 3)], "a clock that went back changes no order");
    }

    #[tokio::test]
    async fn all_is_told_in_pieces_and_who_is_silent() {
        let (sender, news) = mpsc::channel(16);
        let (out, mut told) = mpsc::channel(1);
        let merging = tokio::spawn(merge(news, out, false));
        let wire = |number: u64| wire::LogEvent { number, at_us: 1000 - number, ..Default::default() };
        let piece = |numbers: std::ops::Range<u64>| {
            let events = numbers.map(wire).collect();
            News::Piece(wire::ReadRunLogResponse { incarnation: 1, events })
        };
        sender.send((1, News::Silent("down".to_owned()))).await.unwrap();
        sender.send((3, piece(1..100))).await.unwrap();
        sender.send((2, piece(1..100))).await.unwrap();
        drop(sender);
        let mut all = Vec::new();
        let mut silent = Vec::new();
        while let Some(news) = told.recv().await {
            match news {
                LogNews::Events(events) => all.extend(events),
                LogNews::Silent { node, .. } => silent.push(node),
            }
        }
        merging.await.unwrap();
        assert_eq!((all.len(), silent), (198, vec![1]));
        assert!(all.iter().filter(|event| event.node == 2).map(|event| event.number).eq(1..100));
    }
}

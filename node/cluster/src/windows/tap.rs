use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use etl_engine::{Allowance, Sampling, TapOrder, Taps};
use etl_proto::cluster as wire;
use etl_proto::cluster::cluster_client::ClusterClient;
use etl_raft::NodeId;
use etl_raft::consensus::Consensus;
use etl_raft::network::Dialer;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tonic::Status;
use tonic::transport::Channel;

use super::gather::{Gather, News, Pieces, Question, pieces};
use super::show_tap::show_tap;
use super::tap_order::tap_request;

/// News that wait for the caller.
const NEWS: usize = 4;

/// A record that has passed a step on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRecord {
    pub node: NodeId,
    pub source: String,
    pub partition: String,
    pub ordinal: u64,
    /// As JSON; `None` when that is larger than is shown.
    pub json: Option<String>,
    /// Of the JSON.
    pub json_bytes: u64,
}

/// What a tap over all nodes tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapNews {
    /// Records that have gone by on all nodes since it began, shown or not.
    pub seen: u64,
    pub records: Vec<NodeRecord>,
}

/// What all nodes are asked for a tap.
struct TapQuestion {
    consensus: Consensus,
    taps: Arc<Taps>,
    order: TapOrder,
}

impl Question for TapQuestion {
    type Piece = wire::TapResponse;

    fn here(&self) -> Result<Pieces<Self::Piece>, Status> {
        show_tap(&self.consensus, &self.taps, self.order.clone())
    }

    fn there(
        &self,
        mut client: ClusterClient<Channel>,
    ) -> BoxFuture<'static, Result<Pieces<Self::Piece>, Status>> {
        let request = tap_request(&self.order);
        Box::pin(async move { Ok(pieces(client.tap(request).await?.into_inner())) })
    }
}

/// Shows what passes a step of a run on all nodes, until the run is over, `limit` records were shown or nobody listens. Of a
/// rate the nodes together show no more than one of them would.
pub(crate) fn watch_tap(
    consensus: &Consensus,
    dialer: &Arc<dyn Dialer>,
    taps: &Arc<Taps>,
    order: TapOrder,
    limit: Option<u64>,
) -> mpsc::Receiver<TapNews> {
    let (sender, told) = mpsc::channel(NEWS);
    let mut merged = Merged::new(order.sampling, limit);
    let run = order.run.into();
    let question = TapQuestion { consensus: consensus.clone(), taps: Arc::clone(taps), order };
    let gather = Gather {
        consensus: consensus.clone(),
        dialer: Arc::clone(dialer),
        run,
        question: Arc::new(question),
        persist: true,
    };
    let mut news = gather.start();
    tokio::spawn(async move {
        while let Some((node, news)) = news.recv().await {
            let told = merged.take(node, news, Instant::now());
            if let Some(told) = told
                && sender.send(told).await.is_err()
            {
                return;
            }
            if merged.left == Some(0) {
                return;
            }
        }
    });
    told
}

/// What the nodes have told.
struct Merged {
    /// By node: what went by in streams that have ended, and in the one that goes on.
    seen: BTreeMap<NodeId, (u64, u64)>,
    allowance: Option<Allowance>,
    /// Records that may yet be shown.
    left: Option<u64>,
}

impl Merged {
    fn new(sampling: Sampling, limit: Option<u64>) -> Self {
        let allowance = match sampling {
            Sampling::OneIn(_) => None,
            Sampling::PerSecond(rate) => Some(Allowance::new(rate, Instant::now())),
        };
        Self { seen: BTreeMap::new(), allowance, left: limit }
    }

    fn take(&mut self, node: NodeId, news: News<wire::TapResponse>, now: Instant) -> Option<TapNews> {
        let (before, current) = self.seen.entry(node).or_default();
        match news {
            News::Begins => {
                *before = before.saturating_add(std::mem::take(current));
                None
            }
            News::Silent(reason) => {
                tracing::debug!(node, reason, "a node does not show its records");
                None
            }
            News::Piece(wire::TapResponse { seen, mut records }) => {
                *current = seen;
                if let Some(allowance) = &mut self.allowance {
                    records.truncate(allowance.take(records.len(), now));
                }
                if let Some(left) = &mut self.left {
                    records.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left = left.saturating_sub(records.len() as u64);
                }
                let sums = self.seen.values().map(|(before, current)| before.saturating_add(*current));
                let seen = sums.fold(0, u64::saturating_add);
                let records = records.into_iter().map(|record| of_node(node, record)).collect();
                Some(TapNews { seen, records })
            }
        }
    }
}

fn of_node(node: NodeId, record: wire::TappedRecord) -> NodeRecord {
    let wire::TappedRecord { source, partition, ordinal, json, json_bytes } = record;
    let json = Some(json).filter(|json| !json.is_empty());
    NodeRecord { node, source, partition, ordinal, json, json_bytes }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};
    use std::time::Duration;

    use super::*;

    fn piece(seen: u64, records: usize) -> News<wire::TapResponse> {
        let record = |ordinal| wire::TappedRecord { ordinal, json: "{}".to_owned(), ..Default::default() };
        News::Piece(wire::TapResponse { seen, records: (0..records as u64).map(record).collect() })
    }

    #[test]
    fn what_went_by_is_summed_over_nodes_and_over_streams_of_a_node() {
        let now = Instant::now();
        let mut merged = Merged::new(Sampling::OneIn(NonZeroU64::MIN), Some(4));
        let mut take = |node, news| merged.take(node, news, now);
        assert_eq!(take(1, News::Begins), None);
        assert_eq!(take(1, piece(10, 0)).unwrap().seen, 10);
        let second = take(2, piece(5, 3)).unwrap();
        assert_eq!((second.seen, second.records.len(), second.records[2].node), (15, 3, 2));
        assert_eq!(take(1, piece(12, 0)).unwrap().seen, 17);
        assert_eq!(take(1, News::Silent("gone".to_owned())), None);
        assert_eq!(take(1, News::Begins), None);
        let again = take(1, piece(1, 3)).unwrap();
        assert_eq!((again.seen, again.records.len()), (18, 1), "no more than the limit");
        assert_eq!(merged.left, Some(0));
    }

    #[test]
    fn all_nodes_together_keep_the_rate() {
        let mut merged = Merged::new(Sampling::PerSecond(NonZeroU32::new(10).unwrap()), None);
        // Not before it begins: what it grants is exact from here on.
        let now = Instant::now();
        let shown = |told: Option<TapNews>| told.unwrap().records.len();
        assert_eq!(shown(merged.take(1, piece(100, 8), now)), 8);
        assert_eq!(shown(merged.take(2, piece(100, 8), now)), 2);
        let later = now + Duration::from_millis(500);
        assert_eq!(shown(merged.take(2, piece(200, 8), later)), 5);
    }
}

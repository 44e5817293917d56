use std::sync::Arc;
use std::time::Duration;

use etl_engine::{Tap, TapOrder, TappedRecord, Taps};
use etl_proto::cluster as wire;
use etl_raft::consensus::Consensus;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tonic::Status;
use uuid::Uuid;

use super::Watched;
use super::gather::Pieces;

/// Taps of one node at the same time.
const SHOWN_AT_ONCE: usize = 64;
/// How often the number of records that went by is told while none is shown.
const TICK: Duration = Duration::from_millis(200);
/// Records of one piece.
const RECORDS: usize = 128;
/// Bytes of JSON after which a piece is sent.
const PIECE_BYTES: usize = 64 << 10;
/// The largest record that is shown, in bytes of JSON.
const RECORD_BYTES: usize = 64 << 10;
/// Pieces that wait for the network.
const PIECES: usize = 4;

/// Shows what passes on this node until the run is over here or nobody listens. Needs a runtime.
///
/// # Errors
/// As many are shown as this node shows at once.
pub(crate) fn show_tap(
    consensus: &Consensus,
    taps: &Arc<Taps>,
    order: TapOrder,
) -> Result<Pieces<wire::TapResponse>, Status> {
    if taps.count() >= SHOWN_AT_ONCE {
        return Err(Status::resource_exhausted(format!(
            "{SHOWN_AT_ONCE} taps are open on this node already"
        )));
    }
    let run = Uuid::from(order.run);
    let tap = taps.open(order);
    let (sender, pieces) = mpsc::channel(PIECES);
    let consensus = consensus.clone();
    tokio::spawn(async move {
        let gone = sender.clone();
        tokio::select! {
            () = show(&consensus, run, tap, sender) => {}
            () = gone.closed() => {}
            _ = consensus.stopped() => {
                // Nobody listens any more when this fails.
                let _ = gone.try_send(Err(Status::unavailable("the node is stopping")));
            }
        }
    });
    let next = |mut pieces: mpsc::Receiver<_>| async move { Some((pieces.recv().await?, pieces)) };
    Ok(futures::stream::unfold(pieces, next).boxed())
}

async fn show(
    consensus: &Consensus,
    run: Uuid,
    mut tap: Tap,
    pieces: mpsc::Sender<Result<wire::TapResponse, Status>>,
) {
    let mut watched = Watched::default();
    let mut told = 0;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let first = tokio::select! {
            record = tap.next() => record,
            _ = ticks.tick() => None,
        };
        // Looked at before what is left is taken out: nothing passes any more when it is over.
        let is_over = watched.is_over(consensus, run);
        let (piece, is_full) = fill(&mut tap, first);
        if !piece.records.is_empty() || piece.seen != told || is_over {
            told = piece.seen;
            if pieces.send(Ok(piece)).await.is_err() || is_over && !is_full {
                return;
            }
        }
    }
}

/// A record that came, and those that are there already, as many as a piece takes; and whether there may be more.
fn fill(tap: &mut Tap, first: Option<TappedRecord>) -> (wire::TapResponse, bool) {
    let mut records: Vec<wire::TappedRecord> = Vec::new();
    let mut bytes = 0;
    let mut next = first.or_else(|| tap.try_next());
    while let Some(record) = next {
        let record = written(record);
        bytes += record.json.len();
        records.push(record);
        if bytes >= PIECE_BYTES || records.len() >= RECORDS {
            return (wire::TapResponse { seen: tap.seen(), records }, true);
        }
        next = tap.try_next();
    }
    (wire::TapResponse { seen: tap.seen(), records }, false)
}

fn written(shown: TappedRecord) -> wire::TappedRecord {
    let TappedRecord { source, partition, ordinal, record } = shown;
    let json = record.to_string();
    let json_bytes = json.len() as u64;
    let json = if json.len() > RECORD_BYTES { String::new() } else { json };
    wire::TappedRecord {
        source: source.as_str().to_owned(),
        partition: partition.0,
        ordinal,
        json,
        json_bytes,
    }
}

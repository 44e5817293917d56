use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use etl_proto::raft as wire;
use futures::{Stream, stream};
use openraft::{Snapshot, Vote};
use tokio::io::AsyncReadExt;
use tonic::Status;
use wire::snapshot_piece::Piece;

use super::PIECE_BYTES;
use super::convert::snapshot_header_to_wire;
use super::link::Link;
use crate::error::Error;
use crate::store::{LocalState, SnapshotContent};
use crate::type_config::{NodeId, SnapshotFile, TypeConfig};

/// The slowest transfer that is waited for.
const BYTES_PER_SECOND: u64 = 2 << 20;
const LEAST_PATIENCE: Duration = Duration::from_secs(60);

/// Why a snapshot did not arrive.
#[derive(Debug)]
pub(super) enum SendError {
    Timeout(Duration),
    Status(Status),
    /// This node could not read it.
    File(Error),
}

/// Sends a snapshot and waits until it is installed over there, or refused for a vote that is not new enough.
pub(super) async fn send_snapshot(
    state: &dyn LocalState,
    link: &Link,
    envelope: wire::Envelope,
    vote: &Vote<NodeId>,
    snapshot: &Snapshot<TypeConfig>,
) -> Result<wire::SnapshotResponse, SendError> {
    let file = &*snapshot.snapshot;
    let SnapshotFile { path, size } = file;
    let content = state.open(file).await.map_err(|source| SendError::File(Error::io(path)(source)))?;
    let header = snapshot_header_to_wire(envelope, vote, &snapshot.meta, *size);
    let unreadable = Arc::new(OnceLock::new());
    let pieces = pieces(header, content, *size, unreadable.clone());
    let patience = patience(*size);
    let sent = tokio::time::timeout(patience, link.bulk().install_snapshot(pieces)).await;
    // The receiver only sees a transfer that ends too early.
    if let Some(error) = unreadable.get() {
        return Err(SendError::File(Error::io(path)(io::Error::new(error.kind(), error.to_string()))));
    }
    match sent {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(SendError::Status(status)),
        Err(_) => Err(SendError::Timeout(patience)),
    }
}

fn patience(size: u64) -> Duration {
    LEAST_PATIENCE.max(Duration::from_secs(size / BYTES_PER_SECOND))
}

/// The header, then the file in pieces; ends early when the file cannot be read.
fn pieces(
    header: wire::SnapshotHeader,
    content: SnapshotContent,
    size: u64,
    unreadable: Arc<OnceLock<io::Error>>,
) -> impl Stream<Item = wire::SnapshotPiece> {
    let header = wire::SnapshotPiece { piece: Some(Piece::Header(header)) };
    let rest = stream::unfold((content, size, unreadable), |(mut content, left, unreadable)| async move {
        if left == 0 {
            return None;
        }
        match read_piece(&mut content, left).await {
            Ok(bytes) => {
                let left = left.saturating_sub(bytes.len() as u64);
                let crc32 = crc32fast::hash(&bytes);
                let piece = Piece::Data(wire::SnapshotData { bytes, crc32 });
                Some((wire::SnapshotPiece { piece: Some(piece) }, (content, left, unreadable)))
            }
            Err(error) => {
                // Nothing else sets it.
                let _ = unreadable.set(error);
                None
            }
        }
    });
    stream::StreamExt::chain(stream::iter([header]), rest)
}

async fn read_piece(content: &mut SnapshotContent, left: u64) -> io::Result<Bytes> {
    let size = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
    let mut piece = BytesMut::zeroed(size);
    content.read_exact(&mut piece).await?;
    Ok(piece.freeze())
}

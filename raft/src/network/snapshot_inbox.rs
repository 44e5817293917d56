use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etl_proto::raft as wire;
use futures::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use wire::snapshot_piece::Piece;

use super::PIECE_BYTES;
use super::malformed::Malformed;
use super::refusal::status_of;
use crate::store::LocalState;
use crate::type_config::SnapshotFile;

/// A sender that says nothing for longer has gone.
const PIECE_PATIENCE: Duration = Duration::from_secs(15);

/// Receives snapshots, one at a time: a transfer that begins ends the one before it, whose sender has given it up or is no leader
/// any more.
pub(super) struct SnapshotInbox {
    state: Arc<dyn LocalState>,
    current: Mutex<CancellationToken>,
}

impl SnapshotInbox {
    pub fn new(state: Arc<dyn LocalState>) -> Self {
        Self { state, current: Mutex::default() }
    }

    /// The pieces after the first, as a file that holds a sound snapshot of `size` bytes.
    pub async fn receive<S>(&self, pieces: &mut S, size: u64) -> Result<SnapshotFile, Status>
    where
        S: Stream<Item = Result<wire::SnapshotPiece, Status>> + Unpin,
    {
        let mine = CancellationToken::new();
        std::mem::replace(&mut *self.current.lock().unwrap_or_else(PoisonError::into_inner), mine.clone())
            .cancel();
        match mine.run_until_cancelled(self.store(pieces, size)).await {
            Some(received) => received,
            None => Err(Status::cancelled("another transfer has begun")),
        }
    }

    async fn store<S>(&self, pieces: &mut S, size: u64) -> Result<SnapshotFile, Status>
    where
        S: Stream<Item = Result<wire::SnapshotPiece, Status>> + Unpin,
    {
        let mut incoming = self.state.incoming().await.map_err(|error| status_of(&error))?;
        while let Some(piece) = next_piece(pieces).await? {
            let Some(Piece::Data(wire::SnapshotData { bytes, crc32 })) = piece.piece else {
                return Err(Malformed::new("piece", "is not data").into());
            };
            if bytes.is_empty() || bytes.len() > PIECE_BYTES {
                return Err(Malformed::new("data.bytes", format!("has {} bytes", bytes.len())).into());
            }
            if incoming.size() + bytes.len() as u64 > size {
                return Err(
                    Malformed::new("data.bytes", format!("goes beyond the {size} bytes announced")).into()
                );
            }
            incoming.write(bytes, crc32).await.map_err(|error| status_of(&error))?;
        }
        incoming.finish(size).await.map_err(|error| status_of(&error))
    }
}

/// The header that a transfer begins with.
pub(super) async fn first_piece<S>(pieces: &mut S) -> Result<wire::SnapshotHeader, Status>
where
    S: Stream<Item = Result<wire::SnapshotPiece, Status>> + Unpin,
{
    match next_piece(pieces).await?.and_then(|piece| piece.piece) {
        Some(Piece::Header(header)) => Ok(header),
        Some(Piece::Data(_)) | None => Err(Malformed::missing("header").into()),
    }
}

async fn next_piece<S>(pieces: &mut S) -> Result<Option<wire::SnapshotPiece>, Status>
where
    S: Stream<Item = Result<wire::SnapshotPiece, Status>> + Unpin,
{
    match tokio::time::timeout(PIECE_PATIENCE, pieces.next()).await {
        Ok(piece) => piece.transpose(),
        Err(_) => Err(Status::deadline_exceeded(format!("no piece came for {PIECE_PATIENCE:?}"))),
    }
}

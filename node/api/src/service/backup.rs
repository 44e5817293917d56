use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use etl_proto::admin as wire;
use etl_raft::SnapshotFile;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::Shared;
use crate::refusal::{Kind, Refusal};

/// Bytes of a piece.
const PIECE_BYTES: usize = 1 << 20;
/// Pieces that wait for a slow reader.
const PIECES_AHEAD: usize = 2;
/// Backups that may be under way at the same time: each makes a snapshot.
const AT_ONCE: usize = 2;

/// The backups that are under way.
pub(super) struct Backups(Arc<Semaphore>);

impl Default for Backups {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Shared {
    /// Makes a snapshot and sends it. It holds every write that was acknowledged before the call.
    pub(super) async fn backup(
        &self,
    ) -> Result<impl Stream<Item = Result<wire::BackupPiece, Status>> + use<>, Refusal> {
        let permit = Arc::clone(&self.backups.0).try_acquire_owned().map_err(|_| {
            Refusal::new(Kind::Unavailable, "busy", format!("{AT_ONCE} backups are under way on this node"))
                .help("wait for one of them to end, or ask another node")
        })?;
        let SnapshotFile { path, size } = self.consensus.backup().await?;
        // An open file stays readable when a newer snapshot takes its place.
        let file = File::open(&path).await.map_err(|error| unreadable(&error))?;
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        tokio::spawn(async move {
            let _permit = permit;
            if let Err(refusal) = send(file, size, &sender).await {
                // Nobody listens any more when this fails.
                let _ = sender.send(Err(refusal.into())).await;
            }
        });
        Ok(ReceiverStream::new(pieces))
    }
}

fn unreadable(error: &io::Error) -> Refusal {
    Refusal::new(Kind::Internal, "internal", format!("the snapshot cannot be read: {error}"))
        .help("try again, or ask another node")
}

async fn send(
    mut file: File,
    size: u64,
    sender: &mpsc::Sender<Result<wire::BackupPiece, Status>>,
) -> Result<(), Refusal> {
    let mut left = size;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let mut piece = BytesMut::zeroed(wanted);
        file.read_exact(&mut piece).await.map_err(|error| unreadable(&error))?;
        let bytes: Bytes = piece.freeze();
        let crc32 = crc32fast::hash(&bytes);
        if sender.send(Ok(wire::BackupPiece { bytes, crc32, total_bytes: size })).await.is_err() {
            return Ok(());
        }
        left -= wanted as u64;
    }
    Ok(())
}

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use etl_proto::admin::BackupPiece;
use tokio::time::timeout;
use tonic::Streaming;

use super::AdminClient;
use crate::error::Error;
use crate::refusal::Refusal;

/// A consistent copy of a cluster's state on its way.
pub struct Backup {
    server: String,
    pieces: Streaming<BackupPiece>,
    /// How long one piece may take.
    patience: Duration,
    received: u64,
    total: Option<u64>,
}

impl Backup {
    pub(super) fn new(server: &str, pieces: Streaming<BackupPiece>, patience: Duration) -> Self {
        Self { server: server.to_owned(), pieces, patience, received: 0, total: None }
    }

    /// The node that sends it, as it was named.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Bytes of the whole; known with the first piece.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// The next piece, checked; `None` when all have come.
    ///
    /// # Errors
    /// [`Error::Refused`] when the node gives up, [`Error::BrokenBackup`] when a piece is damaged, late or missing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let next = timeout(self.patience, self.pieces.message())
            .await
            .map_err(|_| self.broken(format!("sent nothing for {} s", self.patience.as_secs_f64())))?;
        let piece = match next {
            Ok(Some(piece)) => piece,
            Ok(None) if self.total == Some(self.received) => return Ok(None),
            Ok(None) => {
                let total = self.total.unwrap_or(0);
                return Err(self.broken(format!("ended after {} of {total} bytes", self.received)));
            }
            Err(status) if status.details().is_empty() => {
                return Err(self.broken(format!(
                    "broke off after {} bytes: {}",
                    self.received,
                    status.message()
                )));
            }
            Err(status) => {
                let refusal = Box::new(Refusal::from_status(&status));
                return Err(Error::Refused { server: self.server.clone(), refusal });
            }
        };
        let at = self.received;
        if crc32fast::hash(&piece.bytes) != piece.crc32 {
            return Err(self.broken(format!("is damaged at byte {at}")));
        }
        if self.total.is_some_and(|total| total != piece.total_bytes) {
            return Err(self.broken(format!("changed its size at byte {at}")));
        }
        self.total = Some(piece.total_bytes);
        self.received += piece.bytes.len() as u64;
        if self.received > piece.total_bytes {
            return Err(self.broken(format!("is longer than its {} bytes", piece.total_bytes)));
        }
        Ok(Some(piece.bytes))
    }

    fn broken(&self, problem: String) -> Error {
        Error::BrokenBackup { server: self.server.clone(), problem }
    }
}

/// A backup that is safely on disk.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SavedBackup {
    /// Where.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The node that sent it, as it was named.
    pub server: String,
}

/// The file that grows beside the one that is wanted; removed unless it takes its place.
struct Partial {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Partial {
    fn create(wanted: &Path) -> Result<Self, Error> {
        let mut name = wanted.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        let path = wanted.with_file_name(name);
        // What the state holds is nobody else's business.
        let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = options.map_err(in_file(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let source =
                    io::Error::new(io::ErrorKind::ResourceBusy, "another backup is being written to it");
                return Err(Error::File { path, source });
            }
            Err(TryLockError::Error(source)) => return Err(Error::File { path, source }),
        }
        // Whoever held the lock may have renamed the file to what is wanted since it was opened here.
        let named = std::fs::metadata(&path).map(|metadata| metadata.ino());
        if named.ok() != Some(file.metadata().map_err(in_file(&path))?.ino()) {
            let source =
                io::Error::new(io::ErrorKind::ResourceBusy, "another backup was being written to it");
            return Err(Error::File { path, source });
        }
        let partial = Self { path, file, kept: false };
        partial.file.set_len(0).map_err(in_file(&partial.path))?;
        Ok(partial)
    }

    fn keep(mut self, wanted: &Path) -> Result<(), Error> {
        self.file.sync_all().map_err(in_file(&self.path))?;
        std::fs::rename(&self.path, wanted).map_err(in_file(wanted))?;
        self.kept = true;
        let directory = wanted.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(in_file(directory))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // When it cannot be removed, the next backup to the same place writes over it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::File { path, source }
}

/// Receives a backup into a file: first beside it under the name with `.tmp`, checked as a whole, synced, then renamed, so
/// that `path` holds the old content or a complete new one. `progress` is told the bytes received and those of the whole.
///
/// # Errors
/// As [`Backup::next`]; [`Error::BrokenBackup`] also when the whole is no valid snapshot; [`Error::File`].
pub async fn save_backup(
    client: &AdminClient,
    path: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<SavedBackup, Error> {
    let mut partial = Partial::create(path)?;
    let mut backup = client.backup().await?;
    while let Some(piece) = backup.next().await? {
        partial.file.write_all(&piece).map_err(in_file(&partial.path))?;
        progress(backup.received, backup.total.unwrap_or(backup.received));
    }
    let written = partial.path.clone();
    let checked =
        tokio::task::spawn_blocking(move || etl_raft::store::read_snapshot(&written).map(|_| ())).await;
    checked
        .map_err(|_| backup.broken("could not be checked to its end".to_owned()))?
        .map_err(|error| backup.broken(format!("is no valid snapshot: {error}")))?;
    partial.keep(path)?;
    Ok(SavedBackup { path: path.to_owned(), bytes: backup.received, server: backup.server })
}

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::read::verify;
use super::shelf::Shelf;
use crate::Error;
use crate::store::durable;
use crate::type_config::SnapshotFile;

/// No snapshot is larger: the state is meant to stay below a tenth of it.
pub(super) const MAX_SNAPSHOT_BYTES: u64 = 1 << 30;

/// A snapshot that is being received. Unless it is finished, dropping it removes what was received.
#[derive(Debug)]
pub struct IncomingSnapshot {
    path: PathBuf,
    file: File,
    size: u64,
    finished: bool,
    shelf: Arc<Shelf>,
}

impl IncomingSnapshot {
    pub(crate) fn new(shelf: Arc<Shelf>) -> Result<Self, Error> {
        let path = shelf.incoming_path();
        let file = durable::create(&path)?;
        Ok(Self { path, file, size: 0, finished: false, shelf })
    }

    /// Bytes received so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes in the next part, of which the sender says that this is its CRC-32 (IEEE).
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is not what was sent, or more than a snapshot may be; [`Error::Io`]
    pub fn write(&mut self, part: &[u8], crc32: u32) -> Result<(), Error> {
        if crc32fast::hash(part) != crc32 {
            return Err(self.damaged(format!("the part at byte {} does not fit its checksum", self.size)));
        }
        let size = self.size.saturating_add(part.len() as u64);
        if size > MAX_SNAPSHOT_BYTES {
            return Err(self.damaged(format!(
                "it is larger than the {MAX_SNAPSHOT_BYTES} bytes that a snapshot may have"
            )));
        }
        self.file.write_all(part).map_err(Error::io(&self.path))?;
        self.size = size;
        Ok(())
    }

    /// Ends receiving and checks every byte of the file, so that this blocks for as long as reading it takes. It is made
    /// durable when it is installed.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is not `expected_size` bytes long or not a sound snapshot, [`Error::Io`]
    pub fn finish(mut self, expected_size: u64) -> Result<SnapshotFile, Error> {
        if self.size != expected_size {
            let problem = format!("{} bytes came, {expected_size} were announced", self.size);
            return Err(self.damaged(problem));
        }
        verify(&self.path)?;
        self.finished = true;
        self.shelf.received(&self.path);
        Ok(SnapshotFile { path: self.path.clone(), size: self.size })
    }

    fn damaged(&self, problem: String) -> Error {
        Error::Damaged { path: self.path.clone(), problem }
    }
}

impl Drop for IncomingSnapshot {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = durable::remove(&self.path)
        {
            tracing::warn!(%error, "a snapshot that was not received completely could not be removed");
        }
    }
}

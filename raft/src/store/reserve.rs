use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::FallocateFlags;

use super::durable;
use crate::Error;

/// What the reserve holds back.
const RESERVE_BYTES: u64 = 16 << 20;

/// The reserve is taken only when this much stays free beside it.
const SPARE_BYTES: u64 = 64 << 20;

/// Below this a node cannot start any more, and the reserve is given back.
const NEEDED_BYTES: u64 = 4 << 20;

/// Room on the file system of the data directory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this process may still write.
    pub free: u64,
    pub total: u64,
}

/// A file that only takes room. It is given back when the disk is full, so that a node can still start and be repaired.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    released: AtomicBool,
}

impl Reserve {
    /// Takes or gives back the room, whichever the disk allows. A file system that cannot set room aside is left alone.
    ///
    /// # Errors
    /// [`Error::Io`] when the free space cannot be read or the file not be removed.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let dir = path.parent().unwrap_or(Path::new("."));
        let space = space(dir)?;
        let reserve = Self { path: path.clone(), released: AtomicBool::new(false) };
        let taken = path.metadata().is_ok_and(|file| file.len() >= RESERVE_BYTES);
        if taken && space.free < NEEDED_BYTES {
            reserve.release();
        } else if !taken
            && space.free >= RESERVE_BYTES + SPARE_BYTES
            && let Err(error) = take(&path)
        {
            tracing::warn!(%error, "no room could be set aside for repairs on a full disk");
            durable::remove(&path)?;
        }
        Ok(reserve)
    }

    /// Gives the room back if that is what `error` calls for.
    pub(super) fn release_if_full(&self, error: &Error) {
        if let Error::Io { source, .. } = error
            && is_full(source)
        {
            self.release();
        }
    }

    /// Gives the room back. It is taken again by the next start that finds enough.
    pub(super) fn release(&self) {
        if self.released.swap(true, Ordering::AcqRel) {
            return;
        }
        match durable::remove(&self.path) {
            Ok(()) => tracing::error!(
                path = %self.path.display(),
                "the disk is full: the room set aside for repairs has been given back; free some space before it is used up"
            ),
            Err(error) => {
                tracing::error!(%error, "the disk is full and the room set aside could not be given back")
            }
        }
    }
}

/// Room on the file system that holds `path`.
///
/// # Errors
/// [`Error::Io`]
pub fn space(path: &Path) -> Result<Space, Error> {
    let found = rustix::fs::statvfs(path).map_err(io::Error::from).map_err(Error::io(path))?;
    Ok(Space {
        free: found.f_bavail.saturating_mul(found.f_frsize),
        total: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// Whether an operation failed because the disk, or this user's share of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn take(path: &Path) -> Result<(), Error> {
    let file = durable::create(path)?;
    rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES)
        .map_err(io::Error::from)
        .and_then(|()| file.sync_all())
        .map_err(Error::io(path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_once_and_given_back_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        let before = space(dir.path()).unwrap();
        assert!(before.free > RESERVE_BYTES + SPARE_BYTES, "this test needs a disk with room");
        assert!(before.total >= before.free);

        let reserve = Reserve::open(path.clone()).unwrap();
        assert_eq!(path.metadata().unwrap().len(), RESERVE_BYTES);
        reserve.release();
        reserve.release();
        assert!(!path.exists());
        Reserve::open(path.clone()).unwrap();
        assert!(path.exists());
    }
}

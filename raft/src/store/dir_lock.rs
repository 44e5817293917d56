use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::FlockOperation;

use crate::Error;

/// Holds a data directory for one process. The lock goes with the process, however it ends.
#[derive(Debug)]
pub(super) struct DirLock {
    _file: File,
}

impl DirLock {
    /// # Errors
    /// [`Error::InUse`] when another process, or this one, holds the directory; [`Error::Io`]
    pub(super) fn take(dir: &Path, path: &Path) -> Result<Self, Error> {
        // Not truncated here: until the lock is ours the file holds the pid of another.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(Error::io(path))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                return Err(Error::InUse { path: dir.to_owned(), pid: pid.trim().parse().unwrap_or(0) });
            }
            Err(error) => return Err(Error::io(path)(error)),
        }
        // The pid only helps people. On a full disk the directory must still open.
        let noted = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = noted {
            tracing::warn!(path = %path.display(), %error, "the process id could not be noted");
        }
        Ok(Self { _file: file })
    }
}

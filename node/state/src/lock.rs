use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::StateError;

/// Exclusive use of a state directory for as long as it lives. The operating system releases it when the process
/// ends, however it ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock and writes this process's id into it, or tells who has it.
    pub fn take(directory: &Path) -> Result<Self, StateError> {
        let path = directory.join("lock");
        let io = |source| StateError::Io { path: path.clone(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(io)?;
                file.rewind().map_err(io)?;
                write!(file, "{}", std::process::id()).map_err(io)?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(io)?;
                let pid = if pid.is_empty() { "unknown".to_owned() } else { pid };
                Err(StateError::InUse { path: directory.to_path_buf(), pid })
            }
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

//! File operations that survive a power cut, with errors that name the path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::FileError;

/// Makes the names in a directory durable.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(FileError::io("sync", path))
}

/// Creates a directory and the missing ones above it, durably.
pub fn create_directories(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_directories(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(FileError::io("create", path)(error));
        }
        _ => {}
    }
    sync_directory(parent)
}

/// Creates a file that must not exist yet.
pub fn create_new(path: &Path) -> Result<File, FileError> {
    OpenOptions::new().write(true).create_new(true).open(path).map_err(FileError::io("create", path))
}

/// Writes a new file and makes its content durable; its name is not yet.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let mut file = create_new(path)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(FileError::io("write", path))
}

/// Gives a file a second name. `false` when that name is taken.
pub fn link(from: &Path, to: &Path) -> Result<bool, FileError> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // EPERM and ENOTSUP: the file system has no hard links.
        Err(error)
            if error.raw_os_error() == Some(1)
                || matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::CrossesDevices) =>
        {
            Err(FileError::user(
                "no_hard_links",
                format!("cannot create {}: its file system does not allow hard links", to.display()),
                "choose a path on a local file system such as ext4, xfs or btrfs",
            ))
        }
        Err(error) => Err(FileError::io("create", to)(error)),
    }
}

/// Removes a file; one that is gone already is fine.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Device and inode of a file, if it exists; a symbolic link is not followed.
pub fn identity(path: &Path) -> Result<Option<(u64, u64)>, FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some((metadata.dev(), metadata.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::io("look at", path)(error)),
    }
}

/// Names of the entries of a directory, sorted; none when it does not exist. Names that are not UTF-8 are left out:
/// none of ours is.
pub fn names(path: &Path) -> Result<Vec<String>, FileError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::io("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(FileError::io("list", path))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

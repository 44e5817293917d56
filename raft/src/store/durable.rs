//! File operations that are durable when they return: the file is synced, and so is the directory that names it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::Error;

/// Ends the name of a file that is not complete yet. Such files are worthless after a crash.
pub(super) const UNFINISHED: &str = "tmp";

/// Makes changes to the names in `dir` durable.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|handle| handle.sync_all()).map_err(Error::io(dir))
}

/// Creates `dir` and what is missing above it, readable by its owner only, and makes each new name durable.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn create_dir(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_dir(parent)?;
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(Error::io(dir)(error)),
        _ => {}
    }
    sync_dir(parent)
}

/// Replaces the file at `path`: after a crash it holds either what it held before or all of `content`.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let unfinished = unfinished(path);
    let mut file = create(&unfinished)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(Error::io(&unfinished))?;
    rename(&unfinished, path)
}

/// Renames `from` to `to` and makes that durable. Both must be on the same file system.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io(to))?;
    let (from, to) = (from.parent(), to.parent());
    if let Some(to) = to {
        sync_dir(to)?;
    }
    match from {
        Some(from) if Some(from) != to => sync_dir(from),
        _ => Ok(()),
    }
}

/// Creates or empties a file that only its owner may read. Not durable by itself.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn create(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .write(true)
        .read(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io(path))
}

/// The name under which the content of `path` is prepared.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// What is in `dir`, in the order of names; nothing when there is no such directory.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn list(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(dir)(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(Error::io(dir))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The file's content, or `None` when there is no such file.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path)(error)),
    }
}

/// Removes a file or a whole directory; that it is gone already is no error. Not durable by itself.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

/// Bytes of the files below `dir`. What cannot be read counts as nothing: this is for people to look at.
pub(super) fn size_of(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

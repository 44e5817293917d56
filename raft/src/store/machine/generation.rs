//! The directory `state/`: databases `g-N`, of which the file `CURRENT` names the one in use. A new database is made
//! beside the old one and takes its place with one rename, so that a crash leaves one or the other.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::store::{durable, text};

const CURRENT: &str = "CURRENT";
const PREFIX: &str = "g-";

/// The database in use, or `None` when there never was one.
///
/// # Errors
/// [`Error::Damaged`] when `CURRENT` cannot be read or names nothing that is there, [`Error::Io`]
pub(super) fn current(dir: &Path) -> Result<Option<PathBuf>, Error> {
    let pointer = dir.join(CURRENT);
    let Some(fields) = text::read(&pointer)? else { return Ok(None) };
    let path =
        fields.get("database").filter(|name| number(Path::new(name)).is_some()).map(|name| dir.join(name));
    match path {
        Some(path) if path.is_dir() => Ok(Some(path)),
        _ => {
            Err(Error::Damaged { path: pointer, problem: "it names a database that is not there".to_owned() })
        }
    }
}

/// A path for a new database.
pub(super) fn fresh(dir: &Path) -> Result<PathBuf, Error> {
    let taken = durable::list(dir)?.iter().filter_map(|path| number(path)).max().unwrap_or(0);
    Ok(dir.join(format!("{PREFIX}{}", taken + 1)))
}

/// Makes `database` the one in use, durably.
pub(super) fn switch(dir: &Path, database: &Path) -> Result<(), Error> {
    let name = database.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    text::write(&dir.join(CURRENT), &[("database", name.to_owned())])
}

/// Removes all databases but `kept`, and what was never finished.
pub(super) fn remove_others(dir: &Path, kept: &Path) -> Result<(), Error> {
    for path in durable::list(dir)? {
        if path != kept
            && (number(&path).is_some() || path.extension().is_some_and(|end| end == durable::UNFINISHED))
        {
            durable::remove(&path)?;
        }
    }
    durable::sync_dir(dir)
}

fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok()
}

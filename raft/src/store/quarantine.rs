//! Setting aside what a data directory holds. The decision is one file, so that a crash between two moves is made up for
//! when the directory is opened again.

use std::path::{Path, PathBuf};

use super::{durable, text};
use crate::Error;

const DECISION: &str = "quarantining";
const PLACE: &str = "quarantine-";

/// Entries that belong to the running process and not to what is kept.
const STAYING: [&str; 3] = ["lock", "reserve", DECISION];

/// Decides to set aside, and where.
pub(super) fn begin(dir: &Path) -> Result<PathBuf, Error> {
    let taken = durable::list(dir)?.iter().filter_map(|path| number(path)).max().unwrap_or(0);
    let place = format!("{PLACE}{}", taken + 1);
    text::write(&dir.join(DECISION), &[("place", place.clone())])?;
    Ok(dir.join(place))
}

/// Carries out what was decided, if anything was. May be done again.
pub(super) fn finish(dir: &Path) -> Result<(), Error> {
    let decision = dir.join(DECISION);
    let Some(fields) = text::read(&decision)? else { return Ok(()) };
    let place = fields
        .get("place")
        .filter(|place| is_place(place))
        .ok_or_else(|| Error::Damaged { path: decision.clone(), problem: "it names no place".to_owned() })?;
    let place = dir.join(place);
    durable::create_dir(&place)?;
    for path in durable::list(dir)? {
        let Some(name) = path.file_name() else { continue };
        let stays = name.to_str().is_some_and(|name| STAYING.contains(&name) || is_place(name));
        if !stays && name != "lost+found" {
            durable::rename(&path, &place.join(name))?;
        }
    }
    durable::remove(&decision)?;
    durable::sync_dir(dir)
}

pub(super) fn is_unfinished(dir: &Path) -> bool {
    dir.join(DECISION).exists()
}

pub(super) fn is_place(name: &str) -> bool {
    number(Path::new(name)).is_some()
}

fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix(PLACE)?.parse().ok()
}

//! Tells a log that a crash has torn from one that is damaged.
//!
//! A crash can only harm what was not synced yet, that is a tail. raft-log itself cuts a file wherever a record seems to
//! reach beyond its end, also when that is because of a flipped bit in a length, and would so drop acknowledged entries in
//! silence. It is therefore only allowed to open logs without any flaw, and flaws are judged here. A flaw is damage, and
//! the log is refused, when one of these proves that what it hit had been synced:
//!
//! - it is before the end that the [`EndMarker`](super::end_marker::EndMarker) names;
//! - a later file holds a record, for its first one is written after the file before it has been synced;
//! - a record behind the flaw says that the log was synced beyond the flaw when it was written.
//!
//! What none of them proves belongs to the last sync, which nobody can tell from one that was never finished. It is cut.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use raft_log::chunked_wal::Config;
use raft_log::codeq::Decode;

use super::record::{Record, proves_synced};
use crate::Error;
use crate::store::durable;

/// One file of the log.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    pub path: PathBuf,
    /// The offset in the log at which it begins.
    pub start: u64,
    pub length: u64,
}

/// A tail that was cut off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    pub path: PathBuf,
    /// What is left of the file, in bytes; with nothing left it has been removed.
    pub left: u64,
    pub cut: u64,
}

/// The files of the log, in its order.
pub(crate) fn chunks(wal: &Path) -> Result<Vec<Chunk>, Error> {
    let mut chunks = Vec::new();
    for path in durable::list(wal)? {
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(start) = name.and_then(|name| Config::parse_chunk_file_name(name).ok()) {
            let length = path.metadata().map_err(Error::io(&path))?.len();
            chunks.push(Chunk { path, start, length });
        }
    }
    chunks.sort_by_key(|chunk| chunk.start);
    Ok(chunks)
}

/// Whether a file begins with a whole record.
pub(crate) fn begins_well(chunk: &Chunk) -> Result<bool, Error> {
    let file = fs::File::open(&chunk.path).map_err(Error::io(&chunk.path))?;
    Ok(Record::decode(std::io::BufReader::new(file)).is_ok())
}

/// Looks for the first flaw. Without one, `None`; a torn tail is cut off durably.
///
/// # Errors
/// [`Error::Damaged`] naming the file, when what is flawed had been synced; [`Error::Io`]
pub(crate) fn repair(wal: &Path, synced: u64) -> Result<Option<Torn>, Error> {
    let chunks = chunks(wal)?;
    let mut expected: Option<u64> = None;
    for (number, chunk) in chunks.iter().enumerate() {
        // `number` counts the chunks.
        let later = &chunks[number + 1..];
        if let (Some(expected), Some(before)) =
            (expected, number.checked_sub(1).map(|before| &chunks[before]))
            && expected != chunk.start
        {
            let problem = format!(
                "it ends at offset {expected} of the log, but the next file begins at {}",
                chunk.start
            );
            if expected < synced || any_begins_well(&chunks[number..])? {
                return Err(Error::Damaged { path: before.path.clone(), problem });
            }
            return remove(wal, &chunks[number..]).map(Some);
        }

        let bytes = fs::read(&chunk.path).map_err(Error::io(&chunk.path))?;
        let Some((flaw, problem)) = first_flaw(&bytes) else {
            expected = Some(chunk.start + bytes.len() as u64);
            continue;
        };
        let offset = chunk.start + flaw as u64;
        if offset < synced || any_begins_well(later)? || is_followed_by_proof(&bytes[flaw..], offset) {
            let problem = format!("the record at byte {flaw} was synced and is damaged: {problem}");
            return Err(Error::Damaged { path: chunk.path.clone(), problem });
        }
        if flaw == 0 {
            return remove(wal, &chunks[number..]).map(Some);
        }
        remove(wal, later)?;
        let file = OpenOptions::new().write(true).open(&chunk.path).map_err(Error::io(&chunk.path))?;
        file.set_len(flaw as u64).and_then(|()| file.sync_all()).map_err(Error::io(&chunk.path))?;
        let cut = (bytes.len() - flaw) as u64;
        return Ok(Some(Torn { path: chunk.path.clone(), left: flaw as u64, cut }));
    }
    Ok(None)
}

/// The byte at which the first record begins that cannot be read, and why not.
fn first_flaw(bytes: &[u8]) -> Option<(usize, String)> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        if let Err(error) = Record::decode(&mut rest) {
            return Some((at, error.to_string()));
        }
    }
    None
}

/// Whether some record in `bytes` was written after the log had been synced beyond `offset`. The flaw may have made the
/// ends of records unknown, so one is looked for at every byte; its checksum tells it from chance.
fn is_followed_by_proof(bytes: &[u8], offset: u64) -> bool {
    // A record begins with its kind, of four bytes.
    bytes.windows(4).enumerate().any(|(at, kind)| {
        matches!(kind, [0, 0, 0, 0 | 1 | 5])
            && Record::decode(&bytes[at..]).is_ok_and(|record| proves_synced(&record) > Some(offset))
    })
}

fn any_begins_well(chunks: &[Chunk]) -> Result<bool, Error> {
    for chunk in chunks {
        if begins_well(chunk)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes files that a crash has left without a record, durably.
fn remove(wal: &Path, chunks: &[Chunk]) -> Result<Torn, Error> {
    let mut torn = Torn { path: wal.to_owned(), left: 0, cut: 0 };
    for chunk in chunks {
        durable::remove(&chunk.path)?;
        torn.path = chunk.path.clone();
        torn.cut += chunk.length;
    }
    durable::sync_dir(wal)?;
    Ok(torn)
}

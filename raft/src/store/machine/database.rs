use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use etl_raft_state::State;
use openraft::StoredMembership;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::pieces::{PIECE_BYTES, cut, join, piece_key, split_key};
use super::position::Position;
use super::row::{damaged, decode, encode};
use crate::Error;
use crate::store::{Row, durable};
use crate::type_config::{LogId, NodeId, Peer};

/// A row of the state has to be smaller than this.
const MAX_ROW_BYTES: usize = 32 << 10;

/// sled's cache beside the state in memory.
const CACHE_BYTES: u64 = 16 << 20;

/// Rows are copied in batches of about this size.
const COPY_BYTES: usize = 1 << 20;

/// How long to wait for a database that this process has closed to be given up by its last thread.
const CLOSING: Duration = Duration::from_secs(10);

const APPLIED: &[u8] = b"m/applied";
const MEMBERSHIP: &[u8] = b"m/membership";

/// The state machine in sled: rows, how far the log has been applied, and the membership, always changed together.
///
/// Written rows survive a crash only after [`Database::sync`]. What is lost then is applied again from the log. sled moves
/// rows about in its file in an order of its own, so that what a crash or a failing disk leaves is not trusted: the digest
/// of all rows is kept beside them and checked by [`Database::open`].
pub(crate) struct Database {
    db: sled::Db,
    path: PathBuf,
    digest: Digest,
    /// CRC-32 of the membership row.
    membership: u32,
}

/// Changed rows of the state: key, and new value or `None` when it is gone.
pub(super) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// The row that every batch ends with.
#[derive(Serialize, Deserialize)]
struct Applied {
    last: Option<LogId>,
    rows: u64,
    bytes: u64,
    sum: u64,
    membership: u32,
}

/// All that a database holds, checked.
struct Content {
    rows: Vec<Row>,
    position: Position,
    digest: Digest,
    membership: u32,
}

impl Database {
    /// Makes a new database, durably, in the place of what an unfinished attempt has left at `path`.
    pub(super) fn create(
        path: &Path,
        rows: impl Iterator<Item = Row>,
        position: &Position,
    ) -> Result<Self, Error> {
        durable::remove(path)?;
        let db = open_sled(path)?;
        let mut database = Self { db, path: path.to_owned(), digest: Digest::default(), membership: 0 };
        let mut changes = Vec::new();
        let mut bytes = 0;
        for (key, value) in rows {
            bytes += key.len() + value.len();
            changes.push((key, Some(value)));
            if bytes >= COPY_BYTES {
                let mut batch = sled::Batch::default();
                database.put(&mut batch, std::mem::take(&mut changes))?;
                database.apply(batch)?;
                bytes = 0;
            }
        }
        database.write(changes, position.applied, Some(&position.membership))?;
        database.sync()?;
        for file in durable::list(path)?.iter().filter(|file| file.is_file()) {
            File::open(file).and_then(|file| file.sync_all()).map_err(Error::io(file))?;
        }
        durable::sync_dir(&path.join("blobs"))?;
        durable::sync_dir(path)?;
        if let Some(parent) = path.parent() {
            durable::sync_dir(parent)?;
        }
        Ok(database)
    }

    /// Opens a database and reads all of it.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the directory when it does not hold what was written, [`Error::Io`], [`Error::Encoding`]
    /// when newer software has written it
    pub(super) fn open(path: &Path) -> Result<(Self, State, Position), Error> {
        if !path.join("db").is_file() {
            return Err(damaged(path, "its file `db` is missing"));
        }
        // sled panics at some kinds of damage.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = open_sled(path)?;
            let Content { rows, position, digest, membership } = read(&db, path)?;
            let state = State::load(rows).map_err(|error| match error {
                upgrade if upgrade.needs_upgrade() => Error::Encoding(upgrade),
                error => damaged(path, &error.to_string()),
            })?;
            Ok((Self { db, path: path.to_owned(), digest, membership }, state, position))
        }));
        opened.unwrap_or_else(|_| Err(damaged(path, "sled cannot make sense of it")))
    }

    /// Writes what one application of entries has changed.
    ///
    /// # Errors
    /// [`Error::Io`], also when a row is too large; [`Error::Damaged`]
    pub(super) fn write(
        &mut self,
        changes: Changes,
        applied: Option<LogId>,
        membership: Option<&StoredMembership<NodeId, Peer>>,
    ) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        self.put(&mut batch, changes)?;
        if let Some(membership) = membership {
            let row = encode(&self.path, membership)?;
            self.membership = crc32fast::hash(&row);
            batch.insert(MEMBERSHIP, row);
        }
        let Digest { rows, bytes, sum } = self.digest;
        let applied = Applied { last: applied, rows, bytes, sum, membership: self.membership };
        batch.insert(APPLIED, encode(&self.path, &applied)?);
        self.apply(batch)
    }

    /// Makes all that was written durable. sled's own flush leaves data in the drive's cache and new lengths in memory.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.db.flush().map_err(|error| sled_error(&self.path, error))?;
        let file = self.path.join("db");
        File::open(&file).and_then(|file| file.sync_data()).map_err(Error::io(&file))?;
        let blobs = self.path.join("blobs");
        let unsynced = durable::list(&blobs)?;
        for blob in &unsynced {
            File::open(blob).and_then(|blob| blob.sync_data()).map_err(Error::io(blob))?;
        }
        if unsynced.is_empty() { Ok(()) } else { durable::sync_dir(&blobs) }
    }

    /// Copies everything into a new database at `path`, without the room that sled holds for nothing.
    pub(super) fn copy_to(&self, path: &Path) -> Result<Self, Error> {
        let content = read(&self.db, &self.path)?;
        Self::create(path, content.rows.into_iter(), &content.position)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the keys and values in it.
    pub(super) fn live_bytes(&self) -> u64 {
        self.digest.bytes
    }

    /// Bytes on disk.
    pub(super) fn disk_bytes(&self) -> u64 {
        durable::size_of(&self.path)
    }

    fn apply(&self, batch: sled::Batch) -> Result<(), Error> {
        self.db.apply_batch(batch).map_err(|error| sled_error(&self.path, error))
    }

    /// Adds changed rows to a batch and keeps the digest.
    fn put(&mut self, batch: &mut sled::Batch, changes: Changes) -> Result<(), Error> {
        for (key, value) in changes {
            let (old, old_pieces) = self.get(&key)?;
            if let Some(old) = old {
                self.digest.remove(&key, &old);
            }
            let mut pieces = 0;
            if let Some(value) = value {
                if value.len() >= MAX_ROW_BYTES {
                    let problem =
                        format!("a row of {} bytes is larger than the {MAX_ROW_BYTES} allowed", value.len());
                    return Err(Error::io(&self.path)(io::Error::new(io::ErrorKind::InvalidInput, problem)));
                }
                self.digest.add(&key, &value);
                for piece in cut(&value) {
                    batch.insert(piece_key(&key, pieces), piece);
                    pieces += 1;
                }
            }
            for gone in pieces..old_pieces {
                batch.remove(piece_key(&key, gone));
            }
        }
        Ok(())
    }

    /// A row, and in how many pieces it is.
    fn get(&self, key: &[u8]) -> Result<(Option<Vec<u8>>, u16), Error> {
        let mut value: Option<Vec<u8>> = None;
        for number in 0..=(MAX_ROW_BYTES / PIECE_BYTES) as u16 {
            match self.db.get(piece_key(key, number)).map_err(|error| sled_error(&self.path, error))? {
                Some(piece) => {
                    value.get_or_insert_default().extend_from_slice(&piece);
                    if piece.len() < PIECE_BYTES {
                        return Ok((value, number + 1));
                    }
                }
                None if value.is_none() => return Ok((None, 0)),
                None => break,
            }
        }
        Err(damaged(&self.path, "the end of a row is missing"))
    }
}

/// Reads everything and checks that it was written together.
fn read(db: &sled::Db, path: &Path) -> Result<Content, Error> {
    let mut pieces = Vec::new();
    let (mut applied, mut membership) = (None, None);
    for found in db.iter() {
        let (key, value) = found.map_err(|error| sled_error(path, error))?;
        match split_key(&key) {
            Some((key, number)) => pieces.push((key.to_vec(), number, value)),
            None if &*key == APPLIED => applied = Some(value),
            None if &*key == MEMBERSHIP => membership = Some(value),
            None => return Err(damaged(path, "it holds a row of no known kind")),
        }
    }
    let (Some(applied), Some(row)) = (applied, membership) else {
        return Err(damaged(path, "it does not say what it is the state of"));
    };
    let rows = join(path, pieces)?;
    let mut digest = Digest::default();
    for (key, value) in &rows {
        digest.add(key, value);
    }
    let Applied { last, rows: count, bytes, sum, membership } = decode(path, &applied)?;
    if digest != (Digest { rows: count, bytes, sum }) || membership != crc32fast::hash(&row) {
        return Err(damaged(path, "its rows are not those that were written together"));
    }
    let position = Position { applied: last, membership: decode(path, &row)? };
    Ok(Content { rows, position, digest, membership })
}

fn open_sled(path: &Path) -> Result<sled::Db, Error> {
    let started = Instant::now();
    loop {
        let opened = sled::Config::new()
            .path(path)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .open();
        match opened {
            Ok(db) => return Ok(db),
            // The lock of the data directory keeps other processes out, so this one is still closing it.
            Err(sled::Error::Io(error)) if is_locked(&error) && started.elapsed() < CLOSING => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(sled_error(path, error)),
        }
    }
}

fn is_locked(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

fn sled_error(path: &Path, error: sled::Error) -> Error {
    match error {
        sled::Error::Io(error) => Error::io(path)(error),
        error => damaged(path, &error.to_string()),
    }
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;

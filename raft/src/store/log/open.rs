use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use openraft::LogIdOptionExt;
use raft_log::RaftLog;

use super::end_marker::EndMarker;
use super::flushed::{Event, Flow};
use super::record::{LogTypes, Place};
use super::repair::{self, Chunk};
use super::watcher::watch;
use super::writer::Core;
use crate::Error;
use crate::store::dir_lock::DirLock;
use crate::store::{DataDir, durable};
use crate::type_config::LogId;

/// A file is closed and the next begun at this size. Purged entries leave the disk file by file.
const CHUNK_BYTES: usize = 16 << 20;

/// Entries kept in memory beside those of the file being written, in bytes.
const CACHE_BYTES: usize = 8 << 20;

/// An open log. Closes itself when dropped: what was written is synced first.
pub(crate) struct Log {
    pub core: Arc<Core>,
    watcher: Option<JoinHandle<()>>,
    _lock: Arc<DirLock>,
}

impl Drop for Log {
    fn drop(&mut self) {
        self.core.flow.send(Event::Stop);
        if let Some(watcher) = self.watcher.take()
            && watcher.join().is_err()
        {
            tracing::error!("the thread that watches the log has died");
        }
    }
}

/// Whether there is no log at all, not even an empty one.
pub(crate) fn is_missing(dir: &DataDir) -> Result<bool, Error> {
    Ok(!dir.log_end().exists() && repair::chunks(&dir.wal())?.is_empty())
}

/// Opens the log, or makes an empty one. What is in it then is on disk, and everything in it can be read.
///
/// # Errors
/// [`Error::Damaged`] naming the file when something that was synced is missing or cannot be read; [`Error::Io`]
pub(crate) fn open(dir: &DataDir) -> Result<Log, Error> {
    let wal = dir.wal();
    let chunks = repair::chunks(&wal)?;
    let mut marker = match EndMarker::open(&dir.log_end())? {
        Some(marker) => marker,
        None if chunks.is_empty() => EndMarker::create(&dir.log_end())?,
        None => {
            let problem = "it is missing beside a log".to_owned();
            return Err(Error::Damaged { path: dir.log_end(), problem });
        }
    };
    durable::create_dir(&wal)?;

    let log = open_flawless(&wal, &chunks, marker.end())?;
    let first = check_ends(&wal, &log)?;
    // What a killed process has written may not be on disk yet, and openraft counts on all that it reads.
    for chunk in repair::chunks(&wal)? {
        File::open(&chunk.path).and_then(|file| file.sync_all()).map_err(Error::io(&chunk.path))?;
    }
    durable::sync_dir(&wal)?;
    let end = log.stat().open_chunk.global_end;
    marker.advance(end)?;
    log.drain_cache_evictable();
    tracing::info!(first, last = log.log_state().last().map(|place| place.0.index), "log opened");

    let (events, watched) = mpsc::channel();
    let flow = Arc::new(Flow::new(end, events, dir.reserve.clone(), wal.clone()));
    let core = Arc::new(Core::new(log, end, flow, wal.clone()));
    let watcher = thread::Builder::new()
        .name("log-watcher".to_owned())
        .spawn({
            let core = core.clone();
            move || watch(core, marker, watched)
        })
        .map_err(Error::io(&wal))?;
    Ok(Log { core, watcher: Some(watcher), _lock: dir.lock.clone() })
}

/// Opens the files, after a torn tail was cut off if there is one.
fn open_flawless(wal: &Path, chunks: &[Chunk], synced: u64) -> Result<RaftLog<LogTypes>, Error> {
    let config = Arc::new(config(wal)?);
    let end = chunks.last().map_or(0, |last| last.start + last.length);
    if end < synced {
        let path = chunks.last().map_or(wal.to_owned(), |last| last.path.clone());
        let problem = format!("the log ends at offset {end}, but was synced up to {synced}");
        return Err(Error::Damaged { path, problem });
    }
    // raft-log drops a last file without a whole first record unasked.
    let begins_well = chunks.last().map_or(Ok(true), repair::begins_well)?;
    let error = if begins_well {
        match RaftLog::open(config.clone()) {
            Ok(log) => return Ok(log),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(Error::io(wal)(error)),
            Err(error) => Some(error),
        }
    } else {
        None
    };
    let torn = repair::repair(wal, synced)?;
    if let Some(torn) = &torn {
        let path = torn.path.display();
        tracing::warn!(%path, left = torn.left, cut = torn.cut, "a write that a crash had cut short was removed from the log");
    } else if let Some(error) = error {
        // Every record can be read, but they do not make a log.
        return Err(Error::Damaged { path: wal.to_owned(), problem: error.to_string() });
    }
    RaftLog::open(config).map_err(|error| Error::Damaged { path: wal.to_owned(), problem: error.to_string() })
}

fn config(wal: &Path) -> Result<raft_log::Config, Error> {
    let dir = wal.to_str().ok_or_else(|| {
        Error::io(wal)(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path of a data directory must be UTF-8",
        ))
    })?;
    let mut config = raft_log::Config::new(dir);
    config.wal.read_buffer_size = Some(1 << 20);
    config.wal.chunk_max_size = Some(CHUNK_BYTES);
    config.wal.truncate_incomplete_record = Some(false);
    // There is never more than one sync under way, so there is nothing to wait for; and whoever holds the writer must
    // never wait for the worker.
    config.wal.flush_batch_wait = Some(Duration::ZERO);
    config.wal.flush_queue_max_bytes = Some(usize::MAX / 2);
    config.log_cache_max_items = Some(100_000);
    config.log_cache_capacity = Some(CACHE_BYTES);
    Ok(config)
}

/// Checks that the first and the last entry are there, and returns the first one's index. Those between them are
/// consecutive, or raft-log had refused to open the files.
fn check_ends(wal: &Path, log: &RaftLog<LogTypes>) -> Result<u64, Error> {
    let state = log.log_state();
    let purged = state.purged().map(|place| place.0);
    let last = state.last().map(|place| place.0);
    if last > purged {
        let present = |index: u64| -> Result<Option<LogId>, Error> {
            match log.read(index, index + 1).next() {
                None => Ok(None),
                Some(Ok((Place(log_id), _))) => Ok(Some(log_id)),
                Some(Err(error)) => Err(Error::Damaged { path: wal.to_owned(), problem: error.to_string() }),
            }
        };
        let missing = |index| {
            let problem = format!("entry {index} is missing; was a file removed from there?");
            Error::Damaged { path: wal.to_owned(), problem }
        };
        let first = purged.next_index();
        if present(first)?.is_none() {
            return Err(missing(first));
        }
        if let Some(last) = last
            && present(last.index)? != Some(last)
        {
            return Err(missing(last.index));
        }
    }
    Ok(purged.next_index())
}

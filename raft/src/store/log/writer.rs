use std::collections::Bound;
use std::io;
use std::mem;
use std::ops::RangeBounds;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use openraft::{Entry, LogIdOptionExt, LogState, Vote};
use raft_log::RaftLog;
use raft_log::api::raft_log_writer::RaftLogWriter;
use raft_log::codeq::Span;
use raft_log::types::Segment;

use super::flushed::{Flow, Flushed, Waiter};
use super::record::{Ballot, Body, LogTypes, MAX_ENTRY_BYTES, Place};
use crate::Error;
use crate::type_config::{LogId, NodeId, TypeConfig};

/// The log, written in one order of calls. Whoever writes puts records into raft-log's buffer and, when no sync is under
/// way, starts one; those who come meanwhile share the next.
pub(crate) struct Core {
    writer: RwLock<Writer>,
    pub flow: Arc<Flow>,
    wal: PathBuf,
    /// The size of all files, for people to look at.
    bytes: AtomicU64,
}

struct Writer {
    log: RaftLog<LogTypes>,
    waiting: Vec<Waiter>,
    /// The offset behind the last record, and behind the last one handed to the worker.
    end: u64,
    handed_over: u64,
    /// What was asked to be purged but must still be there after a crash, because nothing else on disk covers it.
    purging: Option<LogId>,
}

impl Core {
    pub(crate) fn new(log: RaftLog<LogTypes>, end: u64, flow: Arc<Flow>, wal: PathBuf) -> Self {
        let bytes = AtomicU64::new(log.on_disk_size());
        let writer = Writer { log, waiting: Vec::new(), end, handed_over: end, purging: None };
        Self { writer: RwLock::new(writer), flow, wal, bytes }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Appends; `waiter` is told when the entries are on disk. They can be read at once. Entries that have been purged
    /// already are part of a snapshot, and are left out.
    pub(crate) fn append(&self, entries: Vec<Entry<TypeConfig>>, waiter: Waiter) -> Result<(), Error> {
        for entry in &entries {
            Body::check(&entry.payload).map_err(|size| Error::TooLarge { size, limit: MAX_ENTRY_BYTES })?;
        }
        let synced = self.flow.synced();
        self.write(|writer| {
            let purged = writer.state().last_purged_log_id;
            let records = entries
                .into_iter()
                .filter(|entry| Some(entry.log_id) > purged)
                .map(|entry| (Place(entry.log_id), Body { synced, payload: entry.payload }));
            let last = writer.log.append(records)?;
            writer.wrote(last);
            writer.waiting.push(waiter);
            writer.sync(&self.flow)
        })
    }

    /// Saves the vote; `waiter` is told when it is on disk.
    pub(crate) fn save_vote(&self, vote: Vote<NodeId>, waiter: Waiter) -> Result<(), Error> {
        let synced = self.flow.synced();
        self.write(|writer| {
            let last = writer.log.save_vote(Ballot { synced, vote })?;
            writer.wrote(last);
            writer.waiting.push(waiter);
            writer.sync(&self.flow)
        })
    }

    /// Notes what is committed. It is not synced for its own sake: losing it costs an election's time, not an entry.
    pub(crate) fn save_committed(&self, committed: LogId) -> Result<(), Error> {
        self.write(|writer| {
            let state = writer.log.log_state();
            // raft-log refuses what goes back or beyond its end. Both are left out: an installed snapshot is committed
            // before the log knows of it.
            if state.committed() < Some(&Place(committed)) && state.last() >= Some(&Place(committed)) {
                let last = writer.log.commit(Place(committed))?;
                writer.wrote(last);
            }
            Ok(())
        })
    }

    /// Drops the entries from `from` on.
    pub(crate) fn truncate(&self, from: u64) -> Result<(), Error> {
        self.write(|writer| {
            let last = writer.truncate(from)?;
            writer.wrote(last);
            Ok(())
        })
    }

    /// Hides the entries up to `upto`. They go for good with the next [`Core::purge_covered`] that covers them.
    pub(crate) fn purge(&self, upto: LogId) -> Result<(), Error> {
        self.write(|writer| {
            if writer.state().last_purged_log_id < Some(upto) {
                writer.purging = Some(upto);
            }
            Ok(())
        })
    }

    /// Removes what was purged, when all of it is part of a state that a crash cannot harm, which reaches to `covered`.
    pub(crate) fn purge_covered(&self, covered: Option<LogId>) -> Result<(), Error> {
        let due = |writer: &Writer| writer.purging.filter(|upto| Some(*upto) <= covered);
        if self.read_writer(due)?.is_none() {
            return Ok(());
        }
        self.write(|writer| {
            let Some(upto) = due(writer) else { return Ok(()) };
            let last = writer.log.log_state().last().map(|place| place.0);
            // Entries behind the purged ones that are older than them were never committed; the snapshot that made the
            // purge necessary has replaced them.
            if last.is_some_and(|last| last < upto && last.index > upto.index) {
                let last = writer.truncate(upto.index + 1)?;
                writer.wrote(last);
            }
            let last = writer.log.purge(Place(upto))?;
            writer.wrote(last);
            writer.purging = None;
            writer.sync(&self.flow)
        })
    }

    /// What must be covered before anything can be appended: a purge that leaves a hole behind the last entry.
    pub(crate) fn hole(&self) -> Result<Option<LogId>, Error> {
        self.read_writer(|writer| {
            let last = writer.log.log_state().last().map(|place| place.0);
            writer.purging.filter(|upto| last < Some(*upto))
        })
    }

    pub(crate) fn state(&self) -> Result<LogState<TypeConfig>, Error> {
        self.read_writer(Writer::state)
    }

    pub(crate) fn vote(&self) -> Result<Option<Vote<NodeId>>, Error> {
        self.read_writer(|writer| writer.log.log_state().vote().map(|ballot| ballot.vote))
    }

    pub(crate) fn committed(&self) -> Result<Option<LogId>, Error> {
        self.read_writer(|writer| writer.log.log_state().committed().map(|place| place.0))
    }

    /// The entries in `range`, in order, as many as fit into `budget` bytes but at least one.
    pub(crate) fn read(
        &self,
        range: impl RangeBounds<u64>,
        budget: u64,
    ) -> Result<Vec<Entry<TypeConfig>>, Error> {
        let entries = self.read_writer(|writer| {
            let state = writer.state();
            let first = match range.start_bound() {
                Bound::Included(first) => *first,
                Bound::Excluded(before) => before.saturating_add(1),
                Bound::Unbounded => 0,
            };
            let end = match range.end_bound() {
                Bound::Included(last) => last.saturating_add(1),
                Bound::Excluded(end) => *end,
                Bound::Unbounded => u64::MAX,
            };
            let first = first.max(state.last_purged_log_id.next_index());
            let end = end.min(state.last_log_id.next_index());
            if first >= end {
                return Ok(Vec::new());
            }
            writer.read(first, end, budget)
        })?;
        entries.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Error::Damaged { path: self.wal.clone(), problem: error.to_string() }
            }
            _ => Error::io(&self.wal)(error),
        })
    }

    /// Starts the sync that those who came during the last one wait for.
    pub(crate) fn continue_syncing(&self) -> Result<(), Error> {
        self.write(|writer| if writer.waiting.is_empty() { Ok(()) } else { writer.sync(&self.flow) })
    }

    /// Syncs whatever is not synced, if no sync is under way; whether one is under way then, whose end is told.
    pub(crate) fn sync_rest(&self) -> Result<bool, Error> {
        self.write(|writer| {
            if writer.end > self.flow.synced() {
                writer.sync(&self.flow)?;
            }
            Ok(self.flow.will_tell())
        })
    }

    /// Gives records that nobody waits for to the operating system, so that they outlive the process.
    pub(crate) fn hand_over(&self) -> Result<(), Error> {
        self.write(|writer| {
            if writer.handed_over < writer.end {
                writer.handed_over = writer.end;
                writer.log.flush(false, None)?;
            }
            Ok(())
        })
    }

    /// Tells those who wait that the log has failed.
    pub(crate) fn abandon(&self) {
        let waiting = mem::take(&mut self.writer.write().unwrap_or_else(PoisonError::into_inner).waiting);
        for waiter in waiting {
            waiter(self.flow.failure());
        }
    }

    fn write<T>(&self, act: impl FnOnce(&mut Writer) -> Result<T, io::Error>) -> Result<T, Error> {
        let result = match self.writer.write() {
            Ok(mut writer) => {
                // Asked under the lock: whoever waits after a failure would never be told.
                let result =
                    self.flow.failure().and_then(|()| act(&mut writer).map_err(|error| writer.cause(error)));
                self.bytes.store(writer.log.on_disk_size(), Ordering::Relaxed);
                result
            }
            Err(_) => Err(io::Error::other("a thread died while it wrote")),
        };
        result.map_err(|error| {
            self.flow.fail(&error);
            Error::io(&self.wal)(error)
        })
    }

    fn read_writer<T>(&self, look: impl FnOnce(&Writer) -> T) -> Result<T, Error> {
        self.flow.failure().map_err(Error::io(&self.wal))?;
        match self.writer.read() {
            Ok(writer) => Ok(look(&writer)),
            Err(_) => Err(Error::io(&self.wal)(io::Error::other("a thread died while it wrote"))),
        }
    }
}

impl Writer {
    fn wrote(&mut self, last: Segment) {
        self.end = last.end().0;
    }

    /// Why writing failed. When the worker has stopped at what nobody waits for, who writes next is only told that it is
    /// gone; raft-log keeps what it stopped at.
    fn cause(&self, error: io::Error) -> io::Error {
        self.log.wait_worker_idle().err().unwrap_or(error)
    }

    fn sync(&mut self, flow: &Arc<Flow>) -> Result<(), io::Error> {
        if !flow.may_sync() {
            return Ok(());
        }
        self.handed_over = self.end;
        let flushed = Flushed::new(mem::take(&mut self.waiting), self.end, flow.clone());
        self.log.flush(true, Some(flushed))
    }

    /// The log as openraft is to see it, without what is being purged.
    fn state(&self) -> LogState<TypeConfig> {
        let state = self.log.log_state();
        let purged = state.purged().map(|place| place.0).max(self.purging);
        LogState { last_purged_log_id: purged, last_log_id: state.last().map(|place| place.0).max(purged) }
    }

    fn truncate(&mut self, from: u64) -> Result<Segment, io::Error> {
        let state = self.log.log_state();
        let first = state.purged().map(|place| place.0).next_index();
        // raft-log wants the entry before `from` to be there. A log that begins later than expected has none.
        let keeps = from
            .checked_sub(1)
            .is_some_and(|before| before >= first && self.log.read(before, from).next().is_some());
        self.log.truncate(if keeps { from } else { first })
    }

    fn read(&self, first: u64, end: u64, budget: u64) -> Result<Vec<Entry<TypeConfig>>, io::Error> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        let mut expected = None;
        for found in self.log.read(first, end) {
            let (Place(log_id), body) = found?;
            if expected.is_some_and(|expected| expected != log_id.index) {
                let problem = format!("entry {} follows where another should be", log_id.index);
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            expected = Some(log_id.index + 1);
            bytes += <LogTypes as raft_log::Types>::payload_size(&body);
            if bytes > budget && !entries.is_empty() {
                break;
            }
            entries.push(Entry { log_id, payload: body.payload });
        }
        Ok(entries)
    }
}

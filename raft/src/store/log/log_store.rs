use std::fmt::Debug;
use std::ops::RangeBounds;
use std::sync::Arc;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, Entry, LogState, OptionalSend, RaftLogReader, StorageError, StorageIOError, Vote};
use tokio::sync::oneshot;

use super::open::Log;
use crate::Error;
use crate::consensus::{Log as SyncedLog, Synced};
use crate::store::SharedState;
use crate::type_config::{LogId, NodeId, TypeConfig};

/// What one answer to a reader of the log may hold, in bytes, when it may hold less than was asked for.
const READ_BYTES: u64 = 4 << 20;

/// Vote and log for openraft. Clones are handles on the same log, which is closed with the last of them.
///
/// A call that returns an error has found the disk in a state that is not known any more, or the log damaged. Every later
/// call fails too; the process has to end.
#[derive(Clone)]
pub struct LogStore {
    log: Arc<Log>,
    state: SharedState,
}

impl LogStore {
    pub(crate) fn new(log: Arc<Log>, state: SharedState) -> Self {
        Self { log, state }
    }

    /// The last entry that was known to be committed.
    pub(crate) fn committed(&self) -> Result<Option<LogId>, Error> {
        self.log.core.committed()
    }

    /// All entries from an index on.
    pub(crate) fn entries_from(&self, index: u64) -> Result<Vec<Entry<TypeConfig>>, Error> {
        self.log.core.read(index.., u64::MAX)
    }

    /// Removes purged entries for good, as far as a state on disk covers them. openraft orders the purge together with the
    /// installation of a snapshot and does not wait for the latter, so that a crash between them would leave a hole.
    fn purge_covered(&self) -> Result<(), Error> {
        self.log.core.purge_covered(self.state.covered())
    }
}

impl Debug for LogStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogStore").field("state", &self.log.core.state()).finish_non_exhaustive()
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<TypeConfig>>, StorageError<NodeId>> {
        self.log
            .core
            .read(range, u64::MAX)
            .map_err(|error| StorageIOError::read_logs(AnyError::new(&error)).into())
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry<TypeConfig>>, StorageError<NodeId>> {
        self.log
            .core
            .read(start..end, READ_BYTES)
            .map_err(|error| StorageIOError::read_logs(AnyError::new(&error)).into())
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError<NodeId>> {
        self.log.core.state().map_err(|error| StorageIOError::read_logs(AnyError::new(&error)).into())
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<NodeId>) -> Result<(), StorageError<NodeId>> {
        let (told, synced) = oneshot::channel();
        let waiter = Box::new(move |result| {
            // Nobody listens when the caller has given up; the vote is kept all the same.
            let _ = told.send(result);
        });
        self.log
            .core
            .save_vote(*vote, waiter)
            .map_err(|error| StorageIOError::write_vote(AnyError::new(&error)))?;
        synced
            .await
            .map_err(|error| StorageIOError::write_vote(AnyError::new(&error)))?
            .map_err(|error| StorageIOError::write_vote(AnyError::new(&error)).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<NodeId>>, StorageError<NodeId>> {
        self.log.core.vote().map_err(|error| StorageIOError::read_vote(AnyError::new(&error)).into())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError<NodeId>> {
        let Some(committed) = committed else { return Ok(()) };
        self.purge_covered()
            .and_then(|()| self.log.core.save_committed(committed))
            .map_err(|error| StorageIOError::write(AnyError::new(&error)).into())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError<NodeId>> {
        self.log.core.committed().map_err(|error| StorageIOError::read(AnyError::new(&error)).into())
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<TypeConfig>,
    ) -> Result<(), StorageError<NodeId>>
    where
        I: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let synced = Box::new(move |result| callback.log_io_completed(result));
        self.append_and_tell(entries.into_iter().collect(), synced).await
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.log
            .core
            .truncate(log_id.index)
            .map_err(|error| StorageIOError::write_logs(AnyError::new(&error)).into())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.log
            .core
            .purge(log_id)
            .and_then(|()| self.purge_covered())
            .map_err(|error| StorageIOError::write_logs(AnyError::new(&error)).into())
    }
}

impl SyncedLog for LogStore {
    async fn append_and_tell(
        &mut self,
        entries: Vec<Entry<TypeConfig>>,
        synced: Synced,
    ) -> Result<(), StorageError<NodeId>> {
        let failed = |error: Error| StorageIOError::write_logs(AnyError::new(&error));
        if let Some(hole) = self.log.core.hole().map_err(failed)? {
            self.state.cover(hole).await.map_err(failed)?;
        }
        self.purge_covered().map_err(failed)?;
        self.log.core.append(entries, synced).map_err(|error| failed(error).into())
    }
}

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{CommittedLeaderId, Entry, LogState, OptionalSend, RaftLogReader, StorageError, Vote};

use super::durability::Durability;
use crate::type_config::{LogId, NodeId, TypeConfig};

/// Told once whether what was appended is on disk.
pub type Synced = Box<dyn FnOnce(Result<(), io::Error>) + Send + Sync>;

/// A log for openraft that tells anyone when an append is on disk.
pub trait Log: RaftLogStorage<TypeConfig> {
    /// Like [`RaftLogStorage::append`]: the entries can be read when this returns. `synced` is told in the order of the
    /// calls.
    ///
    /// # Errors
    /// As of `append`; then `synced` need not be told.
    fn append_and_tell(
        &mut self,
        entries: Vec<Entry<TypeConfig>>,
        synced: Synced,
    ) -> impl Future<Output = Result<(), StorageError<NodeId>>> + Send;
}

/// Reports to openraft what this node appends as a leader as soon as it can be read.
pub(in crate::consensus) struct AheadLog<L> {
    log: L,
    node: NodeId,
    /// For whom this node has voted last.
    voted_for: Option<CommittedLeaderId<NodeId>>,
    durability: Arc<Durability>,
}

impl<L: Log> AheadLog<L> {
    /// # Errors
    /// When the vote cannot be read.
    pub async fn new(
        mut log: L,
        node: NodeId,
        durability: Arc<Durability>,
    ) -> Result<Self, StorageError<NodeId>> {
        let voted_for = log.read_vote().await?.map(|vote| *vote.leader_id());
        Ok(Self { log, node, voted_for, durability })
    }

    /// Whether entries were made by this node under its present vote, which makes it their leader: those that another
    /// leader sends, also when this node has made them once, come under a vote for that one.
    fn are_own(&self, entries: &[Entry<TypeConfig>]) -> bool {
        let own = self.voted_for.filter(|leader| leader.node_id == self.node);
        !entries.is_empty() && entries.iter().all(|entry| Some(entry.log_id.leader_id) == own)
    }
}

impl<L: Log> RaftLogReader<TypeConfig> for AheadLog<L> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<TypeConfig>>, StorageError<NodeId>> {
        self.log.try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry<TypeConfig>>, StorageError<NodeId>> {
        self.log.limited_get_log_entries(start, end).await
    }
}

impl<L: Log> RaftLogStorage<TypeConfig> for AheadLog<L> {
    type LogReader = L::LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError<NodeId>> {
        self.log.get_log_state().await
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.log.get_log_reader().await
    }

    async fn save_vote(&mut self, vote: &Vote<NodeId>) -> Result<(), StorageError<NodeId>> {
        self.log.save_vote(vote).await?;
        self.voted_for = Some(*vote.leader_id());
        Ok(())
    }

    /// A leader that comes back is none: entries that it has sent out and lost would get other content under the same id.
    async fn read_vote(&mut self) -> Result<Option<Vote<NodeId>>, StorageError<NodeId>> {
        let vote = self.log.read_vote().await?;
        Ok(vote.map(|vote| match *vote.leader_id() {
            own if own.node_id == self.node => Vote::new(own.term, own.node_id),
            _ => vote,
        }))
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError<NodeId>> {
        self.log.save_committed(committed).await
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError<NodeId>> {
        self.log.read_committed().await
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
        let entries: Vec<_> = entries.into_iter().collect();
        if !self.are_own(&entries) {
            return self.log.append(entries, callback).await;
        }
        let before = self.log.get_log_state().await?.last_log_id;
        let append = self.durability.begin(before);
        let durability = self.durability.clone();
        let synced = Box::new(move |result| durability.end(append, result));
        let appended = self.log.append_and_tell(entries, synced).await;
        if let Err(error) = &appended {
            self.durability.end(append, Err(io::Error::other(error.to_string())));
        }
        appended?;
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.log.truncate(log_id).await
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.log.purge(log_id).await
    }
}

//! Vote and log for openraft on a [`Disk`], with the order and the waiting of the real ones.

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::time::Duration;

use etl_raft::consensus::{self, Synced};
use etl_raft::{LogId, NodeId, TypeConfig};
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{Entry, LogIdOptionExt, LogState, OptionalSend, RaftLogReader, StorageError, Vote};
use tokio::sync::{mpsc, oneshot};

use crate::damage::Damage;
use crate::disk::Change;
use crate::machine::Machine;
use crate::site::Place;

const STALLED_STEP: Duration = Duration::from_millis(5);

/// Clones are handles on the same log.
#[derive(Clone)]
pub struct Log {
    place: Arc<Place>,
    machine: Machine,
    syncs: mpsc::UnboundedSender<Waiter>,
    damage: Option<Damage>,
}

/// Who waits for a sync.
enum Waiter {
    Append(Synced),
    Vote(oneshot::Sender<()>),
}

impl Log {
    /// Must be called on the node's runtime.
    pub fn open(place: Arc<Place>, machine: Machine, damage: Option<Damage>) -> Self {
        let (syncs, waiting) = mpsc::unbounded_channel();
        tokio::spawn(sync_all(place.clone(), waiting));
        Self { place, machine, syncs, damage }
    }

    /// Returns when a snapshot covers `hole`.
    async fn cover(&self, hole: LogId) {
        let mut applied = self.machine.watch();
        // Fails only when the machine is gone, and with it the log.
        let _ = applied.wait_for(|applied| *applied >= Some(hole)).await;
        if self.place.disk().covered() < Some(hole) {
            self.machine.build(self.machine.kept()).await;
        }
    }

    async fn append(&self, entries: Vec<Entry<TypeConfig>>, synced: Synced) {
        let hole = self.place.disk().hole();
        if let Some(hole) = hole {
            self.cover(hole).await;
        }
        {
            let mut disk = self.place.disk();
            disk.purge_covered();
            for entry in entries {
                disk.make(Change::Append(entry));
            }
        }
        // Fails only when the runtime ends.
        let _ = self.syncs.send(Waiter::Append(synced));
    }
}

/// One sync after the other; what comes during one waits for the next.
async fn sync_all(place: Arc<Place>, mut waiting: mpsc::UnboundedReceiver<Waiter>) {
    let mut waiters = Vec::new();
    while waiting.recv_many(&mut waiters, usize::MAX).await > 0 {
        let (made, latency) = {
            let mut disk = place.disk();
            (disk.made(), disk.latency())
        };
        tokio::time::sleep(latency).await;
        while place.disk().is_stalled {
            place.weather.disk_waits(place.member.node);
            tokio::time::sleep(STALLED_STEP).await;
        }
        place.disk().sync(made);
        for waiter in waiters.drain(..) {
            match waiter {
                Waiter::Append(synced) => synced(Ok(())),
                Waiter::Vote(saved) => {
                    // Nobody listens when the caller has given up.
                    let _ = saved.send(());
                }
            }
        }
    }
}

impl RaftLogReader<TypeConfig> for Log {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<TypeConfig>>, StorageError<NodeId>> {
        let disk = self.place.disk();
        let visible = (Bound::Included(disk.purged().next_index()), Bound::Unbounded);
        let entries = disk.log().entries.range::<u64, _>(visible);
        Ok(entries.filter(|(index, _)| range.contains(*index)).map(|(_, entry)| entry.clone()).collect())
    }
}

impl RaftLogStorage<TypeConfig> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError<NodeId>> {
        let disk = self.place.disk();
        let purged = disk.purged();
        Ok(LogState { last_purged_log_id: purged, last_log_id: disk.log().last().max(purged) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<NodeId>) -> Result<(), StorageError<NodeId>> {
        self.place.disk().make(Change::Vote(*vote));
        let (saved, synced) = oneshot::channel();
        // Both fail only when the runtime ends.
        let _ = self.syncs.send(Waiter::Vote(saved));
        if self.damage != Some(Damage::AcknowledgesBeforeSync) {
            let _ = synced.await;
        }
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<NodeId>>, StorageError<NodeId>> {
        Ok(self.place.disk().log().vote)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError<NodeId>> {
        let mut disk = self.place.disk();
        disk.purge_covered();
        // An installed snapshot is committed before the log knows of it.
        if let Some(committed) = committed.filter(|committed| disk.log().last() >= Some(*committed)) {
            disk.make(Change::Committed(committed));
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError<NodeId>> {
        Ok(self.place.disk().log().committed)
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
        let synced: Synced = Box::new(move |result| callback.log_io_completed(result));
        if self.damage == Some(Damage::AcknowledgesBeforeSync) {
            Self::append(self, entries.into_iter().collect(), Box::new(|_| ())).await;
            synced(Ok(()));
        } else {
            Self::append(self, entries.into_iter().collect(), synced).await;
        }
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.place.disk().make(Change::Truncate(log_id.index));
        Ok(())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.place.disk().purge(log_id);
        Ok(())
    }
}

impl consensus::Log for Log {
    async fn append_and_tell(
        &mut self,
        entries: Vec<Entry<TypeConfig>>,
        synced: Synced,
    ) -> Result<(), StorageError<NodeId>> {
        let is_damaged =
            [Damage::AcknowledgesBeforeSync, Damage::CommitsAheadOfOwnSync].map(Some).contains(&self.damage);
        if is_damaged {
            Self::append(self, entries, Box::new(|_| ())).await;
            synced(Ok(()));
        } else {
            Self::append(self, entries, synced).await;
        }
        Ok(())
    }
}

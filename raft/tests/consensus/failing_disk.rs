//! A disk that fails under the log.

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use etl_raft::consensus::{Consensus, Log, Parts, Synced, wall_clock};
use etl_raft::network::Member;
use etl_raft::store::{DataDir, LogStore, Storage};
use etl_raft::{Error, LogId, NodeId, TypeConfig};
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, Entry, LogState, OptionalSend, RaftLogReader, StorageError, StorageIOError, Vote};
use uuid::Uuid;

use crate::cluster::{CLUSTER, note, quick_settings};
use crate::network::Network;

#[derive(Clone)]
struct FailingLog {
    log: LogStore,
    fails: Arc<AtomicBool>,
    /// Not before what is appended can be read.
    at_sync: bool,
}

const PROBLEM: &str = "/somewhere/wal: no space left";

impl RaftLogReader<TypeConfig> for FailingLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<TypeConfig>>, StorageError<NodeId>> {
        self.log.try_get_log_entries(range).await
    }
}

impl RaftLogStorage<TypeConfig> for FailingLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError<NodeId>> {
        self.log.get_log_state().await
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<NodeId>) -> Result<(), StorageError<NodeId>> {
        self.log.save_vote(vote).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<NodeId>>, StorageError<NodeId>> {
        self.log.read_vote().await
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
        let synced = Box::new(move |result| callback.log_io_completed(result));
        self.append_and_tell(entries.into_iter().collect(), synced).await
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.log.truncate(log_id).await
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.log.purge(log_id).await
    }
}

impl Log for FailingLog {
    async fn append_and_tell(
        &mut self,
        entries: Vec<Entry<TypeConfig>>,
        synced: Synced,
    ) -> Result<(), StorageError<NodeId>> {
        if !self.fails.load(Ordering::SeqCst) {
            return self.log.append_and_tell(entries, synced).await;
        }
        if !self.at_sync {
            return Err(StorageIOError::write_logs(AnyError::error(PROBLEM)).into());
        }
        let fails = Box::new(|_| synced(Err(io::Error::other(PROBLEM))));
        self.log.append_and_tell(entries, fails).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_its_log_stops_and_says_why() {
    stops_and_says_why(false).await;
}

/// What was appended can be read and is agreed on by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_sync_its_log_stops_and_says_why() {
    stops_and_says_why(true).await;
}

async fn stops_and_says_why(at_sync: bool) {
    let dir = tempfile::TempDir::new().unwrap();
    let data = DataDir::open(dir.path()).unwrap();
    let Storage { log, machine, state } = Storage::open(&data).unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let log = FailingLog { log, fails: fails.clone(), at_sync };
    let member = Member {
        cluster: CLUSTER,
        node: 1,
        store: data.store(),
        incarnation: 1,
        address: "127.0.0.1:1".into(),
    };
    let dialer = Network::default().dialer(&member.address);
    let (state, client) = (Arc::new(state), Uuid::from_u128(1));
    let parts = Parts { log, machine, state, dialer, clock: wall_clock(), client };
    let consensus = Consensus::start_with(quick_settings(), member, parts).await.unwrap();
    consensus.found().await.unwrap();
    consensus.write(note("on disk")).await.unwrap();
    fails.store(true, Ordering::SeqCst);
    let error = consensus.write(note("nowhere")).await.unwrap_err();
    assert!(matches!(error, Error::Unknown(_) | Error::Stopped(1)), "{error}");
    let reason = consensus.stopped().await;
    assert!(matches!(&reason, Error::Io { .. }), "{reason:?}");
    assert!(reason.to_string().contains(PROBLEM), "{reason}");
    assert!(matches!(consensus.write(note("later")).await, Err(Error::Stopped(1))));
    assert!(matches!(consensus.read(|_| ()).await, Err(Error::Stopped(1))));
    consensus.shutdown().await;
}

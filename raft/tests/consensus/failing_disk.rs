//! A disk that fails under the log.

use std::fmt::Debug;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use etl_raft::consensus::{Consensus, Parts, wall_clock};
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
}

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
        if self.fails.load(Ordering::SeqCst) {
            return Err(StorageIOError::write_logs(AnyError::error("/somewhere/wal: no space left")).into());
        }
        self.log.append(entries, callback).await
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.log.truncate(log_id).await
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError<NodeId>> {
        self.log.purge(log_id).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_its_log_stops_and_says_why() {
    let dir = tempfile::TempDir::new().unwrap();
    let data = DataDir::open(dir.path()).unwrap();
    let Storage { log, machine, state } = Storage::open(&data).unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let log = FailingLog { log, fails: fails.clone() };
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
    assert!(reason.to_string().contains("/somewhere/wal: no space left"), "{reason}");
    assert!(matches!(consensus.write(note("later")).await, Err(Error::Stopped(1))));
    assert!(matches!(consensus.read(|_| ()).await, Err(Error::Stopped(1))));
    consensus.shutdown().await;
}

//! Entries whose content follows from their index, the state they lead to, and a store to put them into.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use etl_raft::store::{DataDir, SnapshotMeta, Storage};
use etl_raft::{LogId, Peer, Proposal, SnapshotFile, TypeConfig};
use etl_raft_state::command::{PutSecret, RegisterNode};
use etl_raft_state::{Command, Envelope, FEATURE_LEVEL, Response, State};
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::{CommittedLeaderId, Entry, EntryPayload, Membership, RaftLogReader, StoredMembership, Vote};
use tempfile::TempDir;

pub fn log_id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(1, 1), index)
}

pub fn membership() -> Membership<u64, Peer> {
    let nodes: BTreeMap<u64, Peer> =
        [(1, Peer { address: "127.0.0.1:7001".to_owned(), store: uuid::Uuid::nil() })].into();
    Membership::new(vec![[1].into()], nodes)
}

/// The first entries are the membership and the founder, as in every cluster; the others store secrets of very different sizes.
pub fn entry(index: u64) -> Entry<TypeConfig> {
    let payload = match index {
        0 => EntryPayload::Membership(membership()),
        _ if index % 10 == 9 => EntryPayload::Blank,
        _ => EntryPayload::Normal(Proposal(Bytes::from(envelope(index).encode().unwrap()))),
    };
    Entry { log_id: log_id(index), payload }
}

fn envelope(index: u64) -> Envelope {
    let time_ms = 1_000 + index;
    if index == 1 {
        let founder = RegisterNode {
            store: uuid::Uuid::nil(),
            raft_address: "127.0.0.1:7001".to_owned(),
            admin_address: "127.0.0.1:7002".to_owned(),
            software_version: "0.1.0".to_owned(),
            feature_level: FEATURE_LEVEL,
            zone: String::new(),
            founder: true,
        };
        return Envelope { time_ms, session: None, command: Command::RegisterNode(founder) };
    }
    let mut random = fastrand::Rng::with_seed(index);
    let size = match random.u32(..20) {
        0 => random.usize(20_000..65_000),
        1..=3 => random.usize(1_000..8_000),
        _ => random.usize(..200),
    };
    let command = Command::PutSecret(PutSecret {
        name: format!("secret-{}", random.u32(..60)),
        envelope: std::iter::repeat_with(|| random.u8(..)).take(size).collect(),
        expected_version: None,
    });
    Envelope { time_ms, session: None, command }
}

/// The state after the entries up to `last`.
pub fn state_at(last: Option<u64>) -> State {
    let mut state = State::default();
    let Some(last) = last else { return state };
    for index in 0..=last {
        if let EntryPayload::Normal(proposal) = entry(index).payload {
            let answer = state.apply(index, &Envelope::decode(&proposal.0).unwrap());
            assert!(!matches!(answer, Response::Rejected(_)), "entry {index} changes nothing: {answer:?}");
        }
    }
    state.take_changes();
    state
}

/// A snapshot file of the state after the entries up to `last`, somewhere outside of a store.
pub fn snapshot_at(last: u64, path: &Path) -> (SnapshotMeta, SnapshotFile) {
    let meta = SnapshotMeta {
        last_log_id: Some(log_id(last)),
        last_membership: StoredMembership::new(Some(log_id(0)), membership()),
        snapshot_id: format!("1-1-{last}"),
    };
    let file = etl_raft::store::write_snapshot(path, &meta, &state_at(Some(last))).unwrap();
    (meta, file)
}

/// A node's directory, and the store in it while it is open.
pub struct Node {
    pub dir: DataDir,
    pub storage: Option<Storage>,
    _temporary: TempDir,
}

impl Node {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temporary.path().join("data")).unwrap();
        let storage = Some(Storage::open(&dir).unwrap());
        Self { dir, storage, _temporary: temporary }
    }

    pub fn storage(&mut self) -> &mut Storage {
        self.storage.as_mut().unwrap()
    }

    pub fn close(&mut self) {
        self.storage = None;
    }

    pub fn reopen(&mut self) {
        self.close();
        self.storage = Some(Storage::open(&self.dir).unwrap());
    }

    /// Appends, commits and applies entries, as a leader of one does.
    pub async fn apply(&mut self, indexes: std::ops::RangeInclusive<u64>) {
        apply(self.storage(), indexes).await;
    }

    /// Does what openraft does at its start, and returns how far the state goes then.
    pub async fn replay(&mut self) -> Option<u64> {
        replay(self.storage()).await
    }

    /// Checks that the state is the one after the entries up to `last`.
    pub fn assert_state(&mut self, last: Option<u64>) {
        assert_state(self.storage(), last);
    }
}

pub async fn apply(storage: &mut Storage, indexes: std::ops::RangeInclusive<u64>) {
    let last = *indexes.end();
    let entries: Vec<_> = indexes.map(entry).collect();
    storage.log.blocking_append(entries.clone()).await.unwrap();
    storage.log.save_committed(Some(log_id(last))).await.unwrap();
    storage.machine.apply(entries).await.unwrap();
}

pub async fn replay(storage: &mut Storage) -> Option<u64> {
    let (applied, _) = storage.machine.applied_state().await.unwrap();
    let committed = storage.log.read_committed().await.unwrap();
    if applied < committed {
        let from = applied.map_or(0, |applied| applied.index + 1);
        let until = committed.map_or(0, |committed| committed.index + 1);
        let entries = storage.log.try_get_log_entries(from..until).await.unwrap();
        assert_eq!(entries.len() as u64, until - from, "the log does not hold what the state needs");
        storage.machine.apply(entries).await.unwrap();
    }
    let (applied, _) = storage.machine.applied_state().await.unwrap();
    let state = storage.log.get_log_state().await.unwrap();
    if state.last_log_id < applied {
        storage.log.purge(applied.unwrap()).await.unwrap();
    }
    applied.map(|applied| applied.index)
}

pub fn assert_state(storage: &Storage, last: Option<u64>) {
    let applied = *storage.state.applied().borrow();
    assert_eq!(applied.map(|applied| applied.index), last);
    let expected = state_at(last);
    storage
        .state
        .with(|state| assert!(state.rows().eq(expected.rows()), "another state than after {last:?}"));
    let expected = last.map(|_| StoredMembership::new(Some(log_id(0)), membership()));
    assert_eq!(storage.state.membership(), expected.unwrap_or_default());
}

pub fn vote(term: u64) -> Vote<u64> {
    Vote::new(term, 1)
}

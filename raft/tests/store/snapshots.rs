use std::fs;

use etl_raft::Error;
use etl_raft::store::{read_snapshot, write_snapshot};
use etl_raft_state::State;
use openraft::RaftSnapshotBuilder;
use openraft::storage::RaftStateMachine;

use crate::model::{Node, log_id, snapshot_at, state_at};

#[test]
fn a_snapshot_is_read_back_and_small_ones_too() {
    let dir = tempfile::tempdir().unwrap();
    for last in [0, 1, 2000] {
        let path = dir.path().join(format!("{last}"));
        let (meta, file) = snapshot_at(last, &path);
        assert_eq!(file.size, path.metadata().unwrap().len());
        let (read, state) = read_snapshot(&path).unwrap();
        assert_eq!(read, meta);
        assert!(state.rows().eq(state_at(Some(last)).rows()));
    }
    let (meta, _) = snapshot_at(0, &dir.path().join("0"));
    let empty = dir.path().join("empty");
    write_snapshot(&empty, &meta, &State::default()).unwrap();
    assert!(read_snapshot(&empty).unwrap().1.rows().eq(State::default().rows()));
}

/// Backups of earlier versions must be readable for ever.
#[test]
fn a_snapshot_of_version_1_is_read_and_written() {
    let known: &[u8] = include_bytes!("testdata/snapshot-1");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot");
    fs::write(&path, known).unwrap();
    let (meta, state) = read_snapshot(&path).unwrap();
    assert_eq!(meta.snapshot_id, "1-2-3");
    assert_eq!(
        meta.last_log_id.map(|last| (last.leader_id.term, last.leader_id.node_id, last.index)),
        Some((1, 2, 3))
    );
    let (id, peer) = meta.last_membership.nodes().next().unwrap();
    assert_eq!((*id, peer.address.as_str(), peer.store.as_u128()), (1, "10.0.0.1:7001", 1));

    let again = dir.path().join("again");
    write_snapshot(&again, &meta, &state).unwrap();
    assert_eq!(fs::read(&again).unwrap(), known);
}

/// Newer software's snapshots are left alone and not taken for damaged.
#[test]
fn a_snapshot_of_a_later_version_asks_for_an_upgrade() {
    let mut later = include_bytes!("testdata/snapshot-1").to_vec();
    later[8] = 2;
    let meta = u32::from_be_bytes(later[9..13].try_into().unwrap()) as usize;
    let sum = crc32fast::hash(&later[..13 + meta]);
    later[13 + meta..17 + meta].copy_from_slice(&sum.to_be_bytes());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot");
    fs::write(&path, later).unwrap();
    assert!(matches!(read_snapshot(&path), Err(Error::Encoding(error)) if error.needs_upgrade()));
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot");
    snapshot_at(6, &path);
    let whole = fs::read(&path).unwrap();
    let bits = whole.len() * 8;
    let step = (bits / 20_000).max(1);
    let is_damage = |what: &str| match read_snapshot(&path) {
        Err(Error::Damaged { path: named, .. }) => assert_eq!(named, path, "{what}"),
        other => panic!("{what}: {:?}", other.map(|(meta, _)| meta)),
    };
    let mut changed = whole.clone();
    for bit in (0..bits).step_by(step) {
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &changed).unwrap();
        is_damage(&format!("bit {bit}"));
        changed[bit / 8] ^= 1 << (bit % 8);
    }
    for length in (0..whole.len()).step_by((whole.len() / 2000).max(1)) {
        fs::write(&path, &whole[..length]).unwrap();
        is_damage(&format!("length {length}"));
    }
    changed.push(0);
    fs::write(&path, &changed).unwrap();
    is_damage("a byte more");
}

#[tokio::test]
async fn a_snapshot_arrives_in_parts_and_is_installed() {
    let outside = tempfile::tempdir().unwrap();
    let (meta, file) = snapshot_at(800, &outside.path().join("sent"));
    let content = fs::read(&file.path).unwrap();
    let mut node = Node::new();
    let snapshots = node.dir.path().join("snapshots");
    let arrived = |node: &mut Node| {
        let mut incoming = node.storage().state.new_incoming_snapshot().unwrap();
        for part in content.chunks(100_000) {
            incoming.write(part, crc32fast::hash(part)).unwrap();
        }
        incoming
    };

    // What is cut short, altered or left is removed.
    let incoming = arrived(&mut node);
    assert!(matches!(incoming.finish(file.size + 1), Err(Error::Damaged { .. })));
    let mut incoming = arrived(&mut node);
    assert!(matches!(incoming.write(b"abc", 1), Err(Error::Damaged { .. })));
    incoming.write(b"abc", crc32fast::hash(b"abc")).unwrap();
    assert!(matches!(incoming.finish(file.size + 3), Err(Error::Damaged { .. })), "it is no snapshot then");
    drop(arrived(&mut node));
    assert_eq!(fs::read_dir(&snapshots).unwrap().count(), 0);

    let received = arrived(&mut node).finish(file.size).unwrap();
    assert_eq!(received.size, file.size);
    node.storage().machine.install_snapshot(&meta, Box::new(received.clone())).await.unwrap();
    node.assert_state(Some(800));
    assert!(!received.path.exists(), "it is kept under its own name");
    assert_eq!(fs::read_dir(&snapshots).unwrap().count(), 1);
    node.reopen();
    node.assert_state(Some(800));
    let (kept, _) = node.storage().state.current_snapshot().unwrap();
    assert_eq!(kept, meta);
}

#[tokio::test]
async fn snapshots_that_nobody_installs_do_not_pile_up() {
    let outside = tempfile::tempdir().unwrap();
    let (_, file) = snapshot_at(3, &outside.path().join("sent"));
    let content = fs::read(&file.path).unwrap();
    let mut node = Node::new();
    for _ in 0..20 {
        let mut incoming = node.storage().state.new_incoming_snapshot().unwrap();
        incoming.write(&content, crc32fast::hash(&content)).unwrap();
        incoming.finish(file.size).unwrap();
    }
    let snapshots = node.dir.path().join("snapshots");
    assert_eq!(fs::read_dir(&snapshots).unwrap().count(), 4);
    node.reopen();
    assert_eq!(fs::read_dir(&snapshots).unwrap().count(), 0);
}

#[tokio::test]
async fn a_snapshot_holds_the_state_of_its_moment_while_entries_are_applied() {
    let mut node = Node::new();
    node.apply(0..=100).await;
    let mut builder = node.storage().machine.get_snapshot_builder().await;
    node.apply(101..=200).await;
    let snapshot = builder.build_snapshot().await.unwrap();
    assert_eq!(snapshot.meta.last_log_id, Some(log_id(100)));
    let (_, state) = read_snapshot(&snapshot.snapshot.path).unwrap();
    assert!(state.rows().eq(state_at(Some(100)).rows()));

    let state = node.storage().state.clone();
    let (one, other) = tokio::join!(state.snapshot(), state.snapshot());
    assert_eq!(one.unwrap(), other.unwrap(), "two that ask for the same get the same");
    for index in [201, 202, 203] {
        node.apply(index..=index).await;
        node.storage().state.snapshot().await.unwrap();
    }
    let kept = fs::read_dir(node.dir.path().join("snapshots")).unwrap().count();
    assert_eq!(kept, 2, "the newest, and the one before for those who were told its path");
    assert!(
        builder.build_snapshot().await.unwrap().meta.last_log_id >= Some(log_id(203)),
        "never an older one again"
    );
}

#[tokio::test]
async fn a_snapshot_that_is_not_what_was_announced_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    let (mut meta, file) = snapshot_at(50, &outside.path().join("sent"));
    meta.last_log_id = Some(log_id(51));
    let mut node = Node::new();
    node.apply(0..=10).await;
    assert!(node.storage().machine.install_snapshot(&meta, Box::new(file)).await.is_err());
    node.assert_state(Some(10));
}

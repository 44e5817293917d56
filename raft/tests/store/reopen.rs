use etl_raft::store::Storage;
use openraft::RaftLogReader;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};

use crate::model::{Node, entry, log_id, snapshot_at, vote};

#[tokio::test]
async fn everything_is_there_after_reopening_at_each_step() {
    let mut node = Node::new();
    node.reopen();
    assert_eq!(node.replay().await, None);

    node.storage().log.save_vote(&vote(3)).await.unwrap();
    node.reopen();
    assert_eq!(node.storage().log.read_vote().await.unwrap(), Some(vote(3)));

    node.apply(0..=99).await;
    node.reopen();
    assert_eq!(node.replay().await, Some(99));
    node.assert_state(Some(99));

    node.storage().log.blocking_append((100..120).map(entry)).await.unwrap();
    node.reopen();
    assert_eq!(node.replay().await, Some(99), "what is not committed is not applied");
    node.storage().log.truncate(log_id(110)).await.unwrap();
    node.reopen();
    let state = node.storage().log.get_log_state().await.unwrap();
    assert_eq!(state.last_log_id, Some(log_id(109)));

    let (meta, _) = node.storage().state.snapshot().await.unwrap();
    assert_eq!(meta.last_log_id, Some(log_id(99)));
    node.storage().log.purge(log_id(80)).await.unwrap();
    node.reopen();
    let state = node.storage().log.get_log_state().await.unwrap();
    assert_eq!((state.last_purged_log_id, state.last_log_id), (Some(log_id(80)), Some(log_id(109))));
    let kept = node.storage().log.try_get_log_entries(..).await.unwrap();
    assert_eq!(kept, (81..110).map(entry).collect::<Vec<_>>());
    assert_eq!(node.replay().await, Some(99));
    node.assert_state(Some(99));
    assert_eq!(node.storage().log.read_vote().await.unwrap(), Some(vote(3)));
}

#[tokio::test]
async fn an_installed_snapshot_replaces_the_state_and_then_the_log() {
    let outside = tempfile::tempdir().unwrap();
    let (meta, file) = snapshot_at(500, &outside.path().join("a-backup"));
    let mut node = Node::new();
    node.apply(0..=50).await;
    node.reopen();

    // openraft asks for the purge first and does not wait for the installation.
    node.storage().log.purge(log_id(500)).await.unwrap();
    let state = node.storage().log.get_log_state().await.unwrap();
    assert_eq!(state.last_log_id, Some(log_id(500)));
    node.reopen();
    assert_eq!(node.replay().await, Some(50), "a crash between the two leaves what was there before");
    node.assert_state(Some(50));

    node.storage().log.purge(log_id(500)).await.unwrap();
    node.storage().machine.install_snapshot(&meta, Box::new(file.clone())).await.unwrap();
    node.assert_state(Some(500));
    let current = node.storage().machine.get_current_snapshot().await.unwrap().unwrap();
    assert_eq!(current.meta, meta);
    assert!(current.snapshot.path.starts_with(node.dir.path()) && file.path.exists());
    node.apply(501..=520).await;
    node.reopen();
    assert_eq!(node.replay().await, Some(520));
    node.assert_state(Some(520));
}

#[tokio::test]
async fn a_crash_after_the_installation_and_before_the_purge_is_made_up_for() {
    let outside = tempfile::tempdir().unwrap();
    let (meta, file) = snapshot_at(500, &outside.path().join("a-backup"));
    let mut node = Node::new();
    node.apply(0..=50).await;
    node.storage().machine.install_snapshot(&meta, Box::new(file)).await.unwrap();
    node.reopen();
    assert_eq!(node.replay().await, Some(500));
    node.apply(501..=510).await;
    node.reopen();
    assert_eq!(node.replay().await, Some(510));
    node.assert_state(Some(510));
}

/// The log goes beyond the state on disk only together with a snapshot, also when openraft asks for it at its start.
#[tokio::test]
async fn a_log_behind_the_state_is_purged_only_when_a_snapshot_includes_the_state() {
    let mut node = Node::new();
    node.storage().machine.apply((0..=40).map(entry).collect::<Vec<_>>()).await.unwrap();
    node.reopen();
    assert!(node.storage().state.current_snapshot().is_none());
    assert_eq!(node.replay().await, Some(40));
    node.apply(41..=45).await;
    let (meta, _) = node.storage().state.current_snapshot().unwrap();
    assert!(meta.last_log_id >= Some(log_id(40)));
    node.reopen();
    assert_eq!(node.replay().await, Some(45));
    node.assert_state(Some(45));
}

#[tokio::test]
async fn readers_see_applied_entries_and_how_far_they_go() {
    let mut node = Node::new();
    let state = node.storage().state.clone();
    let mut applied = state.applied();
    let watching = tokio::spawn(async move {
        applied.wait_for(|applied| *applied >= Some(log_id(200))).await.unwrap();
        state.with(|state| state.secrets().iter().count())
    });
    for index in 0..=200 {
        node.apply(index..=index).await;
    }
    assert!(watching.await.unwrap() > 40);
    // What has been applied is written when the store is closed, if not before.
    node.reopen();
    let sizes = node.storage().state.sizes();
    assert!(sizes.log_bytes > 10_000 && sizes.state_bytes > 10_000 && sizes.snapshot_bytes == 0, "{sizes:?}");
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_stops_the_node() {
    let mut node = Node::new();
    node.apply(0..=5).await;
    let mut unknown = entry(6);
    unknown.payload =
        openraft::EntryPayload::Normal(etl_raft::Proposal(bytes::Bytes::from_static(b"\x09from later")));
    let refused = node.storage().machine.apply(vec![unknown]).await.unwrap_err();
    assert!(refused.to_string().contains("upgrade this node"), "{refused}");
    node.reopen();
    assert_eq!(node.replay().await, Some(5));
    node.assert_state(Some(5));
}

#[tokio::test]
async fn a_directory_is_seeded_with_a_state() {
    let outside = tempfile::tempdir().unwrap();
    let (_, file) = snapshot_at(300, &outside.path().join("a-backup"));
    let (meta, state) = etl_raft::store::read_snapshot(&file.path).unwrap();
    let mut node = Node::new();
    assert!(Storage::seed(&node.dir, &meta, &state).is_err(), "only an empty directory may be seeded");
    node.close();
    node.dir.quarantine().unwrap();
    assert!(node.dir.is_pristine().unwrap());
    Storage::seed(&node.dir, &meta, &state).unwrap();
    assert!(!node.dir.is_pristine().unwrap());
    node.reopen();
    assert_eq!(node.replay().await, Some(300));
    node.apply(301..=310).await;
    node.reopen();
    assert_eq!(node.replay().await, Some(310));
    node.assert_state(Some(310));
}

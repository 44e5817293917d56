use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use etl_raft::Error;
use etl_raft::store::{LocalState, Storage};
use openraft::storage::RaftLogStorage;

use crate::model::{Node, assert_state, log_id, replay, vote};

/// All files of a directory, to be put back.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

fn put_back(dir: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for part in ["wal", "state", "snapshots"] {
        fs::remove_dir_all(dir.join(part)).unwrap();
        fs::create_dir(dir.join(part)).unwrap();
    }
    for (path, content) in
        files.iter().filter(|(path, _)| !path.ends_with("reserve") && !path.ends_with("lock"))
    {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::create_dir_all(
        fs::read_dir(dir.join("state"))
            .unwrap()
            .flatten()
            .find(|path| path.path().is_dir())
            .unwrap()
            .path()
            .join("blobs"),
    )
    .unwrap();
}

/// A closed store with a purged log, a snapshot, and a state that goes beyond both.
async fn filled() -> (Node, BTreeMap<PathBuf, Vec<u8>>) {
    let mut node = Node::new();
    node.storage().log.save_vote(&vote(2)).await.unwrap();
    node.apply(0..=120).await;
    node.storage().state.snapshot().await.unwrap();
    node.storage().log.purge(log_id(100)).await.unwrap();
    node.apply(121..=150).await;
    node.close();
    let files = files(node.dir.path());
    (node, files)
}

fn below<'a>(files: &'a BTreeMap<PathBuf, Vec<u8>>, part: &str) -> Vec<&'a PathBuf> {
    let part = format!("/{part}/");
    files
        .iter()
        .filter(|(path, content)| path.to_str().unwrap().contains(&part) && !content.is_empty())
        .map(|(path, _)| path)
        .collect()
}

async fn assert_whole(storage: &mut Storage) {
    assert_eq!(replay(storage).await, Some(150));
    assert_state(storage, Some(150));
    assert_eq!(storage.log.read_vote().await.unwrap(), Some(vote(2)));
}

/// Whatever happens to the state on disk, it is noticed, and made anew from snapshot and log.
#[tokio::test]
async fn flipped_bits_in_the_state_are_never_served() {
    let (node, files) = filled().await;
    let mut random = fastrand::Rng::with_seed(5);
    let mut rebuilt = 0;
    for round in 0..150 {
        let path = random.choice(below(&files, "state")).unwrap().clone();
        let mut damaged = files.clone();
        let content = damaged.get_mut(&path).unwrap();
        let used = content.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
        for _ in 0..random.usize(1..4) {
            content[random.usize(..used)] ^= 1 << random.u32(..8);
        }
        put_back(node.dir.path(), &damaged);
        let before = generations(node.dir.path());
        let mut storage = Storage::open(&node.dir).unwrap_or_else(|error| panic!("round {round}: {error}"));
        rebuilt += usize::from(generations(node.dir.path()) != before);
        assert_whole(&mut storage).await;
    }
    assert!(rebuilt > 40, "only {rebuilt} of 150 were noticed");
}

fn generations(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        fs::read_dir(dir.join("state")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// A loss of power keeps some of what was not synced and loses the rest, in any order.
#[tokio::test]
async fn blocks_of_the_state_that_were_not_synced_may_be_lost_in_any_order() {
    const BLOCK: usize = 4096;
    let mut node = Node::new();
    node.apply(0..=200).await;
    node.storage().state.snapshot().await.unwrap();
    node.storage().log.purge(log_id(195)).await.unwrap();
    let db = generations(node.dir.path()).into_iter().find(|path| path.is_dir()).unwrap().join("db");
    let synced = fs::read(&db).unwrap();
    // Enough for sled to use room again that it has given up.
    for first in (201..3000).step_by(50) {
        node.apply(first..=first + 49).await;
    }
    let found = files(node.dir.path());
    let unsynced = fs::read(&db).unwrap();
    node.close();
    let mut random = fastrand::Rng::with_seed(9);
    let mut rebuilt = 0;
    for round in 0..40 {
        let mut torn = unsynced[..random.usize(synced.len()..=unsynced.len())].to_vec();
        for (block, content) in torn.chunks_mut(BLOCK).enumerate() {
            let before = synced.get(block * BLOCK..block * BLOCK + content.len());
            if random.bool() {
                match before {
                    Some(before) => content.copy_from_slice(before),
                    None => content.fill(0),
                }
            }
        }
        let mut lost = found.clone();
        lost.insert(db.clone(), torn);
        put_back(node.dir.path(), &lost);
        let before = generations(node.dir.path());
        let mut storage = Storage::open(&node.dir).unwrap_or_else(|error| panic!("round {round}: {error}"));
        rebuilt += usize::from(generations(node.dir.path()) != before);
        let last = storage.log.get_log_state().await.unwrap().last_log_id;
        assert_eq!(last, Some(log_id(3000)));
        storage.log.save_committed(last).await.unwrap();
        assert_eq!(replay(&mut storage).await, Some(3000));
        assert_state(&storage, Some(3000));
    }
    assert!(rebuilt > 0, "no loss harmed the state, so this shows nothing");
}

/// Without the snapshot there is nothing to make the state anew from: the node must not start.
#[tokio::test]
async fn a_damaged_state_without_a_snapshot_is_refused_and_named() {
    let (node, files) = filled().await;
    let db = files.keys().find(|path| path.ends_with("db")).unwrap();
    let current = files.keys().find(|path| path.ends_with("CURRENT")).unwrap();
    let mut random = fastrand::Rng::with_seed(6);
    let mut refused = 0;
    for round in 0..60 {
        let mut damaged = files.clone();
        damaged.retain(|path, _| !path.to_str().unwrap().contains("/snapshots/"));
        match round {
            0 => drop(damaged.remove(db)),
            1 => damaged.get_mut(current).unwrap()[12] ^= 1,
            2 => damaged.get_mut(db).unwrap().truncate(0),
            _ => {
                let content = damaged.get_mut(db).unwrap();
                let used = content.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
                content[random.usize(..used)] ^= 1 << random.u32(..8);
            }
        }
        put_back(node.dir.path(), &damaged);
        match Storage::open(&node.dir) {
            Ok(mut storage) => assert_whole(&mut storage).await,
            Err(Error::Damaged { path, .. }) => {
                assert!(path.starts_with(node.dir.path().join("state")), "{}", path.display());
                refused += 1;
            }
            Err(other) => panic!("round {round}: {other}"),
        }
    }
    assert!(refused > 10, "only {refused} of 60 were noticed");
}

#[tokio::test]
async fn a_damaged_snapshot_is_set_aside_and_made_anew() {
    let (node, files) = filled().await;
    let path = below(&files, "snapshots")[0].clone();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..10 {
        let mut damaged = files.clone();
        let content = damaged.get_mut(&path).unwrap();
        let bit = random.usize(..content.len() * 8);
        content[bit / 8] ^= 1 << (bit % 8);
        put_back(node.dir.path(), &damaged);
        let mut storage = Storage::open(&node.dir).unwrap();
        assert!(!path.exists() && path.with_extension("damaged").exists());
        let (meta, file) = storage.state.current_snapshot().unwrap();
        assert!(meta.last_log_id >= Some(log_id(100)));
        etl_raft::store::read_snapshot(&file.path).unwrap();
        assert_whole(&mut storage).await;
    }
}

#[tokio::test]
async fn a_snapshot_that_turns_bad_while_it_is_in_use_is_never_read_out_and_made_anew() {
    let (node, _files) = filled().await;
    let storage = Storage::open(&node.dir).unwrap();
    let state: &dyn LocalState = &storage.state;
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..10 {
        let (meta, file) = state.snapshot().await.unwrap();
        let mut content = fs::read(&file.path).unwrap();
        let bit = random.usize(..content.len() * 8);
        content[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file.path, content).unwrap();
        assert!(state.open(&file).await.is_err());
        let (anew, file) = storage.state.current_snapshot().unwrap();
        assert_eq!(anew.last_log_id, meta.last_log_id);
        assert!(state.open(&file).await.is_ok());
        etl_raft::store::read_snapshot(&file.path).unwrap();

        // A backup is such a snapshot, too.
        fs::remove_file(&file.path).unwrap();
        let (_, file) = state.snapshot().await.unwrap();
        etl_raft::store::read_snapshot(&file.path).unwrap();
    }
}

#[tokio::test]
async fn flipped_bits_in_vote_and_log_are_refused_and_named() {
    let (node, files) = filled().await;
    let mut random = fastrand::Rng::with_seed(8);
    let logs = below(&files, "wal");
    assert!(!logs.is_empty());
    for _ in 0..40 {
        let path = random.choice(&logs).unwrap();
        let mut damaged = files.clone();
        let content = damaged.get_mut(*path).unwrap();
        let bit = random.usize(..content.len() * 8);
        content[bit / 8] ^= 1 << (bit % 8);
        put_back(node.dir.path(), &damaged);
        match Storage::open(&node.dir) {
            Err(Error::Damaged { path: named, .. }) => assert_eq!(&named, *path),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_log_that_is_gone_beside_a_state_is_refused() {
    let (node, files) = filled().await;
    for kept in [&["state", "snapshots"][..], &["state"], &["snapshots"]] {
        let mut damaged = files.clone();
        damaged.retain(|path, _| {
            let path = path.to_str().unwrap();
            kept.iter().any(|part| path.contains(&format!("/{part}/")))
        });
        put_back_parts(node.dir.path(), &damaged);
        assert!(matches!(Storage::open(&node.dir), Err(Error::Damaged { .. })), "{kept:?}");
    }
}

fn put_back_parts(dir: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for part in ["wal", "state", "snapshots"] {
        let _ = fs::remove_dir_all(dir.join(part));
    }
    let _ = fs::remove_file(dir.join("log-end"));
    for (path, content) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// The whole state directory lost: the log and the snapshot hold everything.
#[tokio::test]
async fn a_state_that_is_gone_is_made_anew() {
    let (node, files) = filled().await;
    let mut damaged = files.clone();
    damaged.retain(|path, _| !path.to_str().unwrap().contains("/state/"));
    put_back_parts(node.dir.path(), &damaged);
    let mut storage = Storage::open(&node.dir).unwrap();
    assert_whole(&mut storage).await;
}

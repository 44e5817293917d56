use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use etl_raft::Error;
use etl_raft::store::{DataDir, Identity, Storage};
use uuid::Uuid;

use crate::model::Node;

const HELD: &str = "ETL_TEST_HELD_DIRECTORY";

#[test]
fn a_directory_keeps_its_ids() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("not/yet/there");
    let dir = DataDir::open(&path).unwrap();
    let store = dir.store();
    assert!(dir.is_pristine().unwrap() && dir.identity().unwrap().is_none());
    assert!(dir.space().unwrap().free > 0);

    let identity = Identity { cluster: Uuid::new_v4(), node: 7, store };
    let stranger = Identity { store: Uuid::new_v4(), ..identity };
    assert!(matches!(dir.write_identity(&stranger), Err(Error::WrongIdentity(_))));
    dir.write_identity(&identity).unwrap();
    dir.write_identity(&identity).unwrap();
    assert!(!dir.is_pristine().unwrap());
    let other = Identity { node: 8, ..identity };
    assert!(matches!(dir.write_identity(&other), Err(Error::WrongIdentity(_))));
    drop(dir);

    let dir = DataDir::open(&path).unwrap();
    assert_eq!((dir.store(), dir.identity().unwrap()), (store, Some(identity)));
    drop(dir);

    // Copied to another node.
    let copy = DataDir::open(temporary.path().join("other")).unwrap();
    fs::copy(path.join("identity"), copy.path().join("identity")).unwrap();
    assert!(matches!(copy.identity(), Err(Error::WrongIdentity(_))));
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("thesis.txt"), "years of work").unwrap();
    assert!(matches!(DataDir::open(temporary.path()), Err(Error::WrongIdentity(_))));
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1);
}

#[test]
fn a_store_id_that_cannot_be_read_is_damage() {
    let temporary = tempfile::tempdir().unwrap();
    drop(DataDir::open(temporary.path().join("data")).unwrap());
    let path = temporary.path().join("data/store-id");
    let mut content = fs::read(&path).unwrap();
    content[10] ^= 1;
    fs::write(&path, content).unwrap();
    match DataDir::open(temporary.path().join("data")) {
        Err(Error::Damaged { path: named, .. }) => assert_eq!(named, path),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn quarantine_sets_everything_aside_and_begins_anew() {
    let mut node = Node::new();
    let store = node.dir.store();
    node.dir.write_identity(&Identity { cluster: Uuid::new_v4(), node: 3, store }).unwrap();
    node.apply(0..=20).await;
    node.close();

    let place = node.dir.quarantine().unwrap();
    assert!(place.ends_with("quarantine-1"));
    for kept in ["store-id", "identity", "wal", "state", "log-end", "snapshots"] {
        assert!(place.join(kept).exists(), "{kept}");
    }
    assert!(node.dir.is_pristine().unwrap());
    assert_ne!(node.dir.store(), store);
    node.reopen();
    node.assert_state(None);
    node.close();
    assert!(node.dir.quarantine().unwrap().ends_with("quarantine-2"));
}

/// Every state that a crash in the middle of a quarantine can leave is completed by the next opening.
#[test]
fn a_quarantine_that_was_cut_short_is_completed() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("data");
    let dir = DataDir::open(&path).unwrap();
    drop(Storage::open(&dir).unwrap());
    let store = dir.store();
    drop(dir);
    // What the decision looks like, taken from one that was carried out.
    let text = "place = quarantine-1\n";
    let decision = format!("{text}crc32 = {:08x}\n", crc32fast::hash(text.as_bytes()));
    fs::write(path.join("quarantining"), decision).unwrap();
    fs::create_dir(path.join("quarantine-1")).unwrap();
    for moved in ["store-id", "wal"] {
        fs::rename(path.join(moved), path.join("quarantine-1").join(moved)).unwrap();
    }

    let dir = DataDir::open(&path).unwrap();
    assert_ne!(dir.store(), store);
    assert!(dir.is_pristine().unwrap());
    assert!(!path.join("quarantining").exists());
    assert!(path.join("quarantine-1/state").exists() && path.join("quarantine-1/log-end").exists());
}

#[test]
fn a_second_process_is_refused_and_told_who_holds_the_directory() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("data");
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "data_dir::hold_a_directory", "--ignored", "--nocapture"])
        .env(HELD, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("held")));

    match DataDir::open(&path) {
        Err(Error::InUse { pid, .. }) => assert_eq!(pid, holder.id()),
        other => panic!("{other:?}"),
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    let dir = DataDir::open(&path).unwrap();
    assert!(matches!(DataDir::open(&path), Err(Error::InUse { pid, .. }) if pid == std::process::id()));
    // The store keeps the directory even when the handle on it is gone.
    let storage = Storage::open(&dir).unwrap();
    drop(dir);
    assert!(matches!(DataDir::open(&path), Err(Error::InUse { .. })));
    drop(storage);
    DataDir::open(&path).unwrap();
}

/// Run as a process of its own by the test above.
#[test]
#[ignore = "a process of its own for another test"]
fn hold_a_directory() {
    let Ok(path) = std::env::var(HELD) else { return };
    let _held = DataDir::open(path).unwrap();
    println!("held");
    // Until the other end kills this process or goes away.
    let _ = std::io::stdin().read_line(&mut String::new());
}

//! Figures, not assertions: `cargo test --release -p etl-raft --test store speed -- --ignored --nocapture`.

use std::time::Instant;

use bytes::Bytes;
use etl_raft::{Proposal, SnapshotFile, TypeConfig};
use etl_raft_state::command::PutSecret;
use etl_raft_state::{Command, Envelope};
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::{Entry, EntryPayload};

use crate::model::{Node, entry, log_id};

fn secret(index: u64, name: u64, size: usize) -> Entry<TypeConfig> {
    let mut random = fastrand::Rng::with_seed(index);
    let command = Command::PutSecret(PutSecret {
        name: format!("secret-{name}"),
        envelope: std::iter::repeat_with(|| random.u8(..)).take(size).collect(),
        expected_version: None,
    });
    let envelope = Envelope { time_ms: index, session: None, command }.encode().unwrap();
    Entry { log_id: log_id(index), payload: EntryPayload::Normal(Proposal(Bytes::from(envelope))) }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn entries_per_second_through_log_and_state() {
    let mut node = Node::new();
    node.apply(0..=1).await;
    let started = Instant::now();
    let mut next = 2;
    while started.elapsed().as_secs() < 4 {
        let entries = vec![secret(next, next % 1000, 256)];
        let storage = node.storage();
        storage.log.blocking_append(entries.clone()).await.unwrap();
        storage.log.save_committed(Some(log_id(next))).await.unwrap();
        storage.machine.apply(entries).await.unwrap();
        next += 1;
    }
    println!("one at a time: {:.0} entries/s", next as f64 / started.elapsed().as_secs_f64());

    let started = Instant::now();
    let first = next;
    while started.elapsed().as_secs() < 4 {
        let entries: Vec<_> = (next..next + 64).map(|index| secret(index, index % 1000, 256)).collect();
        let storage = node.storage();
        storage.log.blocking_append(entries.clone()).await.unwrap();
        storage.log.save_committed(Some(log_id(next + 63))).await.unwrap();
        storage.machine.apply(entries).await.unwrap();
        next += 64;
    }
    println!("64 at a time: {:.0} entries/s", (next - first) as f64 / started.elapsed().as_secs_f64());
    let started = Instant::now();
    node.storage().state.snapshot().await.unwrap();
    println!("the state was {:?} behind on disk, {:?}", started.elapsed(), node.storage().state.sizes());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn a_state_of_64_mib() {
    let mut node = Node::new();
    node.apply(0..=1).await;
    let started = Instant::now();
    for first in (2..8002).step_by(100) {
        let entries: Vec<_> = (first..first + 100).map(|index| secret(index, index, 8 << 10)).collect();
        node.storage().machine.apply(entries).await.unwrap();
    }
    println!("8000 rows of 8 KiB applied in {:?}", started.elapsed());
    let started = Instant::now();
    let (meta, file) = node.storage().state.snapshot().await.unwrap();
    println!(
        "snapshot of {} bytes in {:?}, {:?}",
        file.size,
        started.elapsed(),
        node.storage().state.sizes()
    );
    let started = Instant::now();
    node.reopen();
    println!("reopened in {:?}", started.elapsed());

    let mut other = Node::new();
    other.storage().machine.apply(vec![entry(0)]).await.unwrap();
    let file = SnapshotFile { path: file.path, size: file.size };
    let started = Instant::now();
    other.storage().machine.install_snapshot(&meta, Box::new(file)).await.unwrap();
    println!("installed in {:?}, {:?}", started.elapsed(), other.storage().state.sizes());
}

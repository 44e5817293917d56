use etl_raft::consensus::Settings;
use etl_raft::store::read_snapshot;
use etl_raft_state::command::PutWorkflow;
use etl_raft_state::{ContentHash, Response};

use crate::cluster::{Cluster, notes, quick_settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_was_away_catches_up_from_the_log() {
    let mut cluster = Cluster::three().await;
    let away = cluster.follower().await.id();
    let stopped = cluster.stop(away).await;
    for number in 0..300 {
        cluster.leader().await.note(format!("{number}")).await.unwrap();
    }
    cluster.restart(stopped).await;
    let last = cluster.leader().await.consensus.status().last_index.unwrap();
    cluster.nodes[&away].until_applied(last).await;
    assert_eq!(cluster.nodes[&away].consensus.peek(notes).len(), 300);
    assert_eq!(cluster.nodes[&away].consensus.status().snapshot, None, "no snapshot was needed");
    cluster.stop_all().await;
}

fn few_entries() -> Settings {
    Settings { snapshot_after_entries: 50, keep_entries: 10, ..quick_settings() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_was_away_too_long_gets_a_snapshot() {
    let mut cluster = Cluster::of(3, few_entries()).await;
    let away = cluster.follower().await.id();
    let stopped = cluster.stop(away).await;
    let missed_from = cluster.leader().await.consensus.status().last_index;
    let mut written = 0;
    while cluster.leader().await.consensus.status().purged <= missed_from {
        cluster.leader().await.note(format!("{written}")).await.unwrap();
        written += 1;
    }
    cluster.restart(stopped).await;
    let last = cluster.leader().await.consensus.status().last_index.unwrap();
    cluster.nodes[&away].until_applied(last).await;
    assert_eq!(cluster.nodes[&away].consensus.peek(notes).len(), written);
    cluster.nodes[&away].until("it has the snapshot", |status| status.snapshot > missed_from).await;
    cluster.nodes[&away].note("goes on").await.unwrap();
    assert_eq!(cluster.notes_everywhere().await.len(), written + 1);
    cluster.stop_all().await;
}

fn document(number: usize) -> PutWorkflow {
    let document: String = std::iter::repeat_n(format!("# {number:8} "), 17_000).collect();
    // Whatever differs from document to document will do.
    let mut hash = ContentHash([0; 32]);
    hash.0[..8].copy_from_slice(&(number as u64).to_be_bytes());
    PutWorkflow {
        name: format!("workflow-{number}"),
        document,
        hash,
        expected_version: Some(0),
        schedule: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_installs_sixty_four_mebibytes_while_the_cluster_writes() {
    const DOCUMENTS: usize = 360;
    let settings = Settings { snapshot_after_entries: 100, keep_entries: 10, ..quick_settings() };
    let mut cluster = Cluster::found(settings).await;
    let leader = cluster.leader().await;
    let mut total = 0;
    for number in 0..DOCUMENTS {
        let command = document(number);
        total += command.document.len();
        let response = leader.consensus.write(command).await.unwrap();
        assert!(matches!(response, Response::WorkflowPut { version: 1, .. }), "{response:?}");
    }
    assert!(total >= 64 << 20, "{total}");
    leader.until("the log is purged", |status| status.purged.is_some()).await;
    let snapshot = leader.consensus.backup().await.unwrap();
    assert!(snapshot.size >= 64 << 20, "{snapshot:?}");
    let (member, dir) = cluster.admit().await;
    let begun = std::time::Instant::now();
    let learner = cluster.start_learner(member, dir).await;
    let writer = cluster.nodes[&1].consensus.clone();
    let writing = tokio::spawn(async move {
        for number in 0..50 {
            writer.write(crate::cluster::note(format!("{number}"))).await.unwrap();
        }
    });
    let last = cluster.leader().await.consensus.status().last_index.unwrap();
    cluster.nodes[&learner].until_applied(last).await;
    println!("a new node had {} MiB after {:?}", total >> 20, begun.elapsed());
    writing.await.unwrap();
    let digest = cluster.nodes[&learner].consensus.read(|state| state.digest()).await.unwrap();
    assert_eq!(digest, cluster.nodes[&1].consensus.peek(|state| state.digest()));
    assert_eq!(cluster.leader_id().await, 1);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_breaks_off_is_begun_again() {
    let settings = Settings { snapshot_after_entries: 30, keep_entries: 5, ..quick_settings() };
    let mut cluster = Cluster::found(settings).await;
    for number in 0..60 {
        cluster.leader().await.consensus.write(document(number)).await.unwrap();
    }
    cluster.leader().await.until("the log is purged", |status| status.purged.is_some()).await;
    let (member, dir) = cluster.admit().await;
    let address = member.address.clone();
    // Slow enough to be cut in the middle; the connections are made with this speed.
    cluster.network.set_speed(4 << 20);
    let learner = cluster.start_learner(member, dir).await;
    for _ in 0..3 {
        cluster.network.until_sent(cluster.nodes[&1].address(), &address, 2 << 20).await;
        cluster.network.cut(cluster.nodes[&1].address(), &address);
        assert_eq!(cluster.nodes[&learner].consensus.status().applied, None, "the cut came in the middle");
    }
    cluster.network.set_speed(0);
    cluster.network.cut(cluster.nodes[&1].address(), &address);
    let last = cluster.leader().await.consensus.status().last_index.unwrap();
    cluster.nodes[&learner].until_applied(last).await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_any_node_holds_everything_that_was_acknowledged_before() {
    let cluster = Cluster::three().await;
    for number in 0..30 {
        cluster.leader().await.note(format!("{number}")).await.unwrap();
        for node in cluster.nodes.values() {
            let backup = node.consensus.backup().await.unwrap();
            let (_, state) = read_snapshot(&backup.path).unwrap();
            assert_eq!(notes(&state).len(), number + 1);
        }
    }
    cluster.stop_all().await;
}

use etl_raft::Error;
use etl_raft_state::Response;

use crate::cluster::{Cluster, notes, quick_settings};

#[tokio::test(flavor = "multi_thread")]
async fn every_node_writes_and_every_node_reads_what_was_written_before() {
    let cluster = Cluster::three().await;
    let mut written = Vec::new();
    for round in 0..5 {
        for writer in cluster.nodes.values() {
            let detail = format!("{round} of {}", writer.id());
            assert_eq!(writer.note(detail.clone()).await.unwrap(), Response::Done);
            written.push(detail);
            // No waiting: a linearizable read has to see it on each node, at once.
            for reader in cluster.nodes.values() {
                let seen = reader.consensus.read(notes).await.unwrap();
                assert_eq!(seen, written, "node {} after a write on node {}", reader.id(), writer.id());
            }
        }
    }
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_one_writes_and_reads() {
    let cluster = Cluster::found(quick_settings()).await;
    let node = cluster.leader().await;
    node.note("alone").await.unwrap();
    assert_eq!(node.consensus.read(notes).await.unwrap(), ["alone"]);
    assert_eq!(node.consensus.peek(notes), ["alone"]);
    let status = node.consensus.status();
    assert_eq!((status.leader, status.voters.len(), status.is_joint), (Some(1), 1, false));
    assert_eq!(status.committed, status.last_index);
    let refused = node.consensus.found().await.unwrap_err();
    assert!(matches!(refused, Error::Membership(_)), "{refused}");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_too_large_is_refused_on_any_node_before_it_is_proposed() {
    let cluster = Cluster::three().await;
    let last = cluster.leader().await.consensus.status().last_index;
    for node in cluster.nodes.values() {
        let error = node.note("x".repeat(300 << 10)).await.unwrap_err();
        let Error::TooLarge { size, limit } = error else { panic!("{error}") };
        assert!(size > 300 << 10 && limit == 256 << 10, "{size} {limit}");
    }
    assert_eq!(cluster.leader().await.consensus.status().last_index, last);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_stop_and_come_back_with_everything() {
    let mut cluster = Cluster::three().await;
    for number in 0..20 {
        cluster.leader().await.note(format!("{number}")).await.unwrap();
    }
    let before = cluster.notes_everywhere().await;
    let ids: Vec<_> = cluster.nodes.keys().copied().collect();
    let mut stopped = Vec::new();
    for id in ids {
        stopped.push(cluster.stop(id).await);
    }
    for node in stopped {
        cluster.restart(node).await;
    }
    assert_eq!(cluster.notes_everywhere().await, before);
    cluster.follower().await.note("after").await.unwrap();
    assert_eq!(cluster.notes_everywhere().await.len(), before.len() + 1);
    cluster.stop_all().await;
}

use std::time::Duration;

use etl_raft::Error;
use tokio::runtime::Handle;

use crate::cluster::{Cluster, quick_settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_leaves_nothing_running() {
    let before = Handle::current().metrics().num_alive_tasks();
    let cluster = Cluster::three().await;
    cluster.follower().await.note("something").await.unwrap();
    assert!(Handle::current().metrics().num_alive_tasks() > before + 10);
    let stopped = cluster.stop_all().await;
    let quiet = async {
        while Handle::current().metrics().num_alive_tasks() > before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let left = tokio::time::timeout(Duration::from_secs(20), quiet).await;
    assert!(left.is_ok(), "{} tasks are left", Handle::current().metrics().num_alive_tasks() - before);
    drop(stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_to_a_node_that_has_stopped_end() {
    let mut cluster = Cluster::of(3, quick_settings()).await;
    let leader = cluster.leader_id().await;
    let consensus = cluster.nodes[&leader].consensus.clone();
    let waiting = tokio::spawn({
        let consensus = consensus.clone();
        async move { consensus.stopped().await }
    });
    let stopped = cluster.stop(leader).await;
    assert!(matches!(waiting.await.unwrap(), Error::Stopped(node) if node == leader));
    assert!(matches!(consensus.write(crate::cluster::note("late")).await, Err(Error::Stopped(_))));
    assert!(matches!(consensus.read(|_| ()).await, Err(Error::Stopped(_))));
    assert!(matches!(consensus.transfer_leader(leader).await, Err(Error::Stopped(_))));
    drop(consensus);
    cluster.restart(stopped).await;
    cluster.until_all_agree().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_is_dropped_stops_too() {
    let before = Handle::current().metrics().num_alive_tasks();
    let dir = tempfile::TempDir::new().unwrap();
    let data = etl_raft::store::DataDir::open(dir.path()).unwrap();
    let storage = etl_raft::store::Storage::open(&data).unwrap();
    let member = etl_raft::network::Member {
        cluster: crate::cluster::CLUSTER,
        node: 1,
        store: data.store(),
        incarnation: 1,
        address: "127.0.0.1:1".into(),
    };
    let dialer = crate::network::Network::default().dialer("127.0.0.1:1");
    let consensus =
        etl_raft::consensus::Consensus::start(quick_settings(), member, storage, dialer).await.unwrap();
    consensus.found().await.unwrap();
    drop(consensus);
    let quiet = async {
        while Handle::current().metrics().num_alive_tasks() > before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), quiet).await.expect("nothing is left");
}

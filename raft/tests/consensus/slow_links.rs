use std::time::Duration;

use crate::cluster::{Cluster, note, quick_settings};

/// An entry of 250 KB needs most of a second at 400 KB/s, eight times what openraft gives a request.
#[tokio::test(flavor = "multi_thread")]
async fn entries_get_through_a_link_that_is_slower_than_a_heartbeat_and_nobody_is_deposed() {
    let mut cluster = Cluster::found(quick_settings()).await;
    cluster.network.set_speed(400_000);
    cluster.add_learner().await;
    cluster.add_learner().await;
    cluster.make_all_voters().await;
    let leader = cluster.leader().await;
    let term = leader.consensus.status().term;
    for number in 0..4 {
        let detail = "x".repeat(8000);
        let many = (0..31).map(|_| leader.consensus.write(note(format!("{number}{detail}"))));
        for written in futures::future::join_all(many).await {
            written.unwrap();
        }
    }
    let last = leader.consensus.status().last_index.unwrap();
    for node in cluster.nodes.values() {
        tokio::time::timeout(Duration::from_secs(60), node.until_applied(last)).await.unwrap();
    }
    assert_eq!(leader.consensus.status().term, term);
    assert_eq!(cluster.notes_everywhere().await.len(), 4 * 31);
    cluster.stop_all().await;
}

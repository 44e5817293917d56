use std::collections::BTreeSet;

use etl_raft_state::Response;
use etl_raft_state::command::DeleteWorkflow;
use futures::future::join_all;

use crate::cluster::{Cluster, note};

#[tokio::test(flavor = "multi_thread")]
async fn writes_made_together_share_entries_and_each_gets_its_own_answer() {
    let cluster = Cluster::three().await;
    for node in cluster.nodes.values() {
        let before = cluster.leader().await.consensus.status().last_index.unwrap();
        let id = node.id();
        let writes = (0..200).map(|number| {
            let consensus = node.consensus.clone();
            async move {
                if number % 10 == 9 {
                    // Refused, alone among those that are not.
                    let absent = DeleteWorkflow { name: format!("absent-{number}"), expected_version: None };
                    let response = consensus.write(absent).await.unwrap();
                    let rejection = response.rejection().expect("a refusal").to_string();
                    assert!(rejection.contains(&format!("`absent-{number}`")), "{rejection}");
                    None
                } else {
                    let detail = format!("{id}-{number}");
                    assert_eq!(consensus.write(note(detail.clone())).await.unwrap(), Response::Done);
                    Some(detail)
                }
            }
        });
        let written: BTreeSet<String> = join_all(writes).await.into_iter().flatten().collect();
        assert_eq!(written.len(), 180);
        let entries = cluster.leader().await.consensus.status().last_index.unwrap() - before;
        println!("200 writes on node {id} took {entries} entries");
        assert!(entries < 100, "{entries}");
        let seen = cluster.notes_everywhere().await;
        let of_node: BTreeSet<String> =
            seen.iter().filter(|detail| detail.starts_with(&format!("{id}-"))).cloned().collect();
        assert_eq!(of_node, written);
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "each acts once");
    }
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_writes_made_together_are_not_too_large_together() {
    let cluster = Cluster::three().await;
    let node = cluster.follower().await;
    let writes = (0..100).map(|number| {
        let consensus = node.consensus.clone();
        async move { consensus.write(note(format!("{number:8}").repeat(1000))).await.unwrap() }
    });
    let responses = join_all(writes).await;
    assert!(responses.iter().all(|response| *response == Response::Done));
    assert_eq!(cluster.notes_everywhere().await.len(), 100);
    cluster.stop_all().await;
}

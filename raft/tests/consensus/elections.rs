use std::collections::BTreeSet;
use std::time::Duration;

use etl_raft::Error;
use etl_raft::consensus::Settings;

use crate::cluster::{Cluster, notes, quick_settings};

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_goes_another_takes_over_and_nothing_acknowledged_is_lost() {
    let mut cluster = Cluster::three().await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let leader = cluster.leader_id().await;
        let (others, going): (Vec<_>, Vec<_>) = cluster
            .nodes
            .values()
            .map(|node| node.consensus.clone())
            .partition(|node| node.member().node != leader);
        // Writers on the nodes that stay; the leader goes while they write.
        let mut writers = Vec::new();
        for (at, consensus) in others.into_iter().enumerate() {
            writers.push(tokio::spawn(async move {
                let mut done = Vec::new();
                for number in 0..40 {
                    let detail = format!("{round}-{at}-{number}");
                    consensus.write(crate::cluster::note(detail.clone())).await.unwrap();
                    done.push(detail);
                }
                done
            }));
        }
        drop(going);
        let begun = cluster.nodes[&leader].consensus.status().last_index.unwrap_or(0) + 5;
        cluster.nodes[&leader].until_applied(begun).await;
        let stopped = cluster.stop(leader).await;
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
        let successor = cluster.leader_id().await;
        assert_ne!(successor, leader);
        cluster.restart(stopped).await;
        cluster.until_all_agree().await;
    }
    let seen = cluster.notes_everywhere().await;
    assert_eq!(seen.len(), acknowledged.len(), "each acts once");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), acknowledged);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_without_a_quorum_writes_nothing_and_answers_no_linearizable_read() {
    let settings = Settings {
        write_deadline: Duration::from_secs(4),
        read_deadline: Duration::from_secs(2),
        ..Settings::default()
    };
    let cluster = Cluster::of(3, settings).await;
    cluster.leader().await.note("before").await.unwrap();
    let old = cluster.leader_id().await;
    let old = &cluster.nodes[&old];
    cluster.isolate(old.id());
    // Proposed while it still thinks that it leads: nobody can say what becomes of it.
    let error = old.note("lost").await.unwrap_err();
    assert!(matches!(error, Error::Unknown(_)), "{error}");
    // Now it knows better.
    let error = old.note("never").await.unwrap_err();
    assert!(matches!(error, Error::NoLeader(_)), "{error}");
    let error = old.consensus.read(notes).await.unwrap_err();
    assert!(matches!(error, Error::NoLeader(_)), "{error}");
    assert_eq!(old.consensus.peek(notes), ["before"]);
    assert!(old.consensus.status().quorum_silent > Some(Duration::from_secs(1)));

    let others: Vec<_> = cluster.nodes.values().filter(|node| node.id() != old.id()).collect();
    for (node, detail) in others.iter().zip(["one", "two"]) {
        node.note(detail).await.unwrap();
    }
    for node in &others {
        assert_eq!(node.consensus.read(notes).await.unwrap(), ["before", "one", "two"]);
    }
    cluster.network.heal();
    cluster.until_all_agree().await;
    assert_eq!(
        cluster.notes_everywhere().await,
        ["before", "one", "two"],
        "what was unknown has not been done"
    );
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_from_a_partition_does_not_depose_the_leader() {
    let cluster = Cluster::three().await;
    let (leader, term) = (cluster.leader_id().await, cluster.leader().await.consensus.status().term);
    let lonely = cluster.follower().await.id();
    cluster.isolate(lonely);
    // Several election timeouts, in each of which it would have raised its term.
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < quick_settings().election_max * 4 {
        cluster.leader().await.note("meanwhile").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(cluster.nodes[&lonely].consensus.status().term, term);
    cluster.network.heal();
    let last = cluster.nodes[&leader].consensus.status().last_index.unwrap();
    cluster.nodes[&lonely].until_applied(last).await;
    let status = cluster.nodes[&leader].consensus.status();
    assert_eq!((status.leader, status.term), (Some(leader), term));
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_only_hears_the_others_does_not_disturb_them() {
    let cluster = Cluster::three().await;
    let (leader, term) = (cluster.leader_id().await, cluster.leader().await.consensus.status().term);
    let deaf = cluster.follower().await.id();
    cluster.separate(leader, deaf);
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < quick_settings().election_max * 3 {
        cluster.nodes[&leader].note("still").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let status = cluster.nodes[&leader].consensus.status();
    assert_eq!((status.leader, status.term), (Some(leader), term));
    // It cannot reach the leader, and says so instead of answering with what is old.
    cluster.network.heal();
    cluster.nodes[&deaf].note("back").await.unwrap();
    assert_eq!(cluster.nodes[&leader].consensus.status().term, term);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_nodes_survive_two_and_stand_still_without_three() {
    let settings = Settings {
        write_deadline: Duration::from_secs(5),
        read_deadline: Duration::from_secs(1),
        ..Settings::default()
    };
    let mut cluster = Cluster::of(5, settings).await;
    let first = cluster.leader_id().await;
    let first = cluster.stop(first).await;
    cluster.leader().await.note("four").await.unwrap();
    let second = cluster.leader_id().await;
    let second = cluster.stop(second).await;
    cluster.leader().await.note("three").await.unwrap();
    let third = cluster.leader_id().await;
    let third = cluster.stop(third).await;
    let survivor = cluster.nodes.values().next().unwrap();
    let error = survivor.note("two").await.unwrap_err();
    assert!(matches!(error, Error::NoLeader(_) | Error::Unknown(_)), "{error}");
    assert!(matches!(survivor.consensus.read(notes).await, Err(Error::NoLeader(_))));
    for node in [first, second, third] {
        cluster.restart(node).await;
    }
    cluster.until_all_agree().await;
    cluster.follower().await.note("five").await.unwrap();
    let seen = cluster.notes_everywhere().await;
    assert!(
        seen.starts_with(&["four".into(), "three".into()]) && seen.ends_with(&["five".into()]),
        "{seen:?}"
    );
    cluster.stop_all().await;
}

use std::time::Duration;

use etl_raft::Error;
use etl_raft::consensus::Settings;
use tokio::time::Instant;

use crate::cluster::{Cluster, note, quick_settings};

/// Hands leadership to each node while others write; gives the longest hand-over.
async fn around(cluster: &Cluster) -> Duration {
    let ids: Vec<_> = cluster.nodes.keys().copied().collect();
    let mut longest = Duration::ZERO;
    for to in ids.iter().chain(&ids) {
        let from = cluster.leader().await;
        let term = from.consensus.status().term;
        let writer = cluster.nodes.values().find(|node| node.id() != *to).unwrap().consensus.clone();
        let writing = tokio::spawn(async move {
            for _ in 0..10 {
                writer.write(note("under way")).await.unwrap();
            }
        });
        let begun = Instant::now();
        from.consensus.transfer_leader(*to).await.unwrap();
        longest = longest.max(begun.elapsed());
        writing.await.unwrap();
        cluster.nodes[to].until("leads", |status| status.leader == Some(*to)).await;
        if from.id() != *to {
            assert_eq!(cluster.nodes[to].consensus.status().term, term + 1, "one election");
        }
        cluster.until_all_agree().await;
    }
    let seen = cluster.notes_everywhere().await;
    assert_eq!(seen.len(), ids.len() * 2 * 10);
    longest
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_goes_to_each_of_three_by_one_election() {
    let cluster = Cluster::three().await;
    let longest = around(&cluster).await;
    println!("longest hand-over among three: {longest:?}");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_goes_to_each_of_five_by_one_election() {
    let cluster = Cluster::of(5, quick_settings()).await;
    let longest = around(&cluster).await;
    println!("longest hand-over among five: {longest:?}");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_lead_is_refused_and_the_leader_leads_on() {
    let settings = Settings { change_deadline: Duration::from_secs(3), ..quick_settings() };
    let mut cluster = Cluster::of(3, settings).await;
    let learner = cluster.add_learner().await;
    let leader = cluster.leader_id().await;
    let term = cluster.leader().await.consensus.status().term;
    for (to, reason) in [(learner, "is a learner"), (999, "is no member")] {
        let refused = cluster.leader().await.consensus.transfer_leader(to).await.unwrap_err();
        assert!(matches!(&refused, Error::Membership(said) if said.contains(reason)), "{refused}");
    }
    let follower = cluster.nodes.values().find(|node| node.id() != leader && node.id() != learner).unwrap();
    let refused = follower.consensus.transfer_leader(follower.id()).await.unwrap_err();
    assert!(matches!(refused, Error::NoLeader(_)), "{refused}");
    // A voter that is not there.
    let away = follower.id();
    let stopped = cluster.stop(away).await;
    cluster.leader().await.note("missing on it").await.unwrap();
    let refused = cluster.nodes[&leader].consensus.transfer_leader(away).await.unwrap_err();
    assert!(matches!(&refused, Error::Membership(said) if said.contains("has not caught up")), "{refused}");
    cluster.nodes[&leader].note("leads on").await.unwrap();
    assert_eq!(cluster.nodes[&leader].consensus.status().term, term);
    cluster.restart(stopped).await;
    cluster.nodes[&leader].consensus.transfer_leader(away).await.unwrap();
    cluster.stop_all().await;
}

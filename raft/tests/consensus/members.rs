use std::collections::BTreeSet;
use std::time::Duration;

use etl_raft::consensus::Settings;
use etl_raft::{Error, Peer};

use crate::cluster::{Cluster, quick_settings};

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_one_change_at_a_time() {
    let mut cluster = Cluster::of(3, quick_settings()).await;
    let fourth = cluster.add_learner().await;
    let leader = cluster.leader().await;
    let status = leader.consensus.status();
    assert_eq!((status.voters.len(), status.learners.clone()), (3, BTreeSet::from([fourth])));
    let peer = status.peers[&fourth].clone();

    // Done already.
    leader.consensus.add_learner(fourth, peer.clone()).await.unwrap();
    let moved = Peer { address: "elsewhere:1".into(), ..peer };
    let refused = leader.consensus.add_learner(fourth, moved).await.unwrap_err();
    assert!(matches!(&refused, Error::Membership(said) if said.contains("elsewhere:1")), "{refused}");
    let refused = leader.consensus.set_voters(BTreeSet::new()).await.unwrap_err();
    assert!(matches!(&refused, Error::Membership(said) if said.contains("must have a voter")), "{refused}");
    let refused = leader.consensus.set_voters(BTreeSet::from([1, 999])).await.unwrap_err();
    assert!(matches!(&refused, Error::Membership(said) if said.contains("999")), "{refused}");
    let refused = leader.consensus.remove_learner(leader.id()).await.unwrap_err();
    assert!(matches!(&refused, Error::Membership(said) if said.contains("is a voter")), "{refused}");

    // Replace a follower by the learner, and remove it.
    let leaving = cluster.followers().await.into_iter().find(|node| node.id() != fourth).unwrap().id();
    let mut voters = status.voters.clone();
    voters.remove(&leaving);
    voters.insert(fourth);
    leader.consensus.set_voters(voters.clone()).await.unwrap();
    let status = leader.consensus.status();
    assert_eq!(
        (status.voters, status.learners, status.is_joint),
        (voters.clone(), BTreeSet::from([leaving]), false)
    );
    leader.consensus.set_voters(voters.clone()).await.unwrap();
    leader.consensus.remove_learner(leaving).await.unwrap();
    leader.consensus.remove_learner(leaving).await.unwrap();
    assert!(!leader.consensus.status().peers.contains_key(&leaving));
    let follower =
        cluster.nodes.values().find(|node| node.id() != leader.id() && voters.contains(&node.id())).unwrap();
    let refused = follower.consensus.remove_learner(leaving).await.unwrap_err();
    assert!(matches!(refused, Error::NoLeader(_)), "{refused}");
    cluster.stop(leaving).await;
    cluster.follower().await.note("after").await.unwrap();
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_made_at_once_take_turns() {
    let mut cluster = Cluster::found(quick_settings()).await;
    for _ in 0..4 {
        cluster.add_learner().await;
    }
    let leader = cluster.leader().await.consensus.clone();
    let all: BTreeSet<_> = cluster.nodes.keys().copied().collect();
    let three: BTreeSet<_> = all.iter().copied().take(3).collect();
    let changes = (0..8).map(|turn| {
        let (leader, voters) = (leader.clone(), if turn % 2 == 0 { all.clone() } else { three.clone() });
        async move { leader.set_voters(voters).await }
    });
    for done in futures::future::join_all(changes).await {
        done.unwrap();
    }
    let status = leader.status();
    assert!(!status.is_joint && (status.voters == all || status.voters == three), "{status:?}");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_a_leader_has_left_half_done_is_finished_by_the_next() {
    let settings = Settings { change_deadline: Duration::from_secs(3), ..quick_settings() };
    let mut cluster = Cluster::of(3, settings).await;
    let (leader, term) = (cluster.leader_id().await, cluster.leader().await.consensus.status().term);
    let mut gone = Vec::new();
    for _ in 0..2 {
        gone.push(cluster.add_learner().await);
    }
    let all: BTreeSet<_> = cluster.nodes.keys().copied().collect();
    let old: BTreeSet<_> = all.iter().copied().filter(|node| !gone.contains(node)).collect();
    // The two new ones and the last old one are away: the joint configuration needs three of five and is never committed.
    let mut stopped = Vec::new();
    let third = *old.iter().find(|node| **node != leader).unwrap();
    for node in gone.iter().chain([&third]) {
        stopped.push(cluster.stop(*node).await);
    }
    let unknown = cluster.nodes[&leader].consensus.set_voters(all.clone()).await.unwrap_err();
    assert!(matches!(unknown, Error::Unknown(_)), "{unknown}");
    assert!(cluster.nodes[&leader].consensus.status().is_joint);
    let old_leader = cluster.stop(leader).await;
    for node in stopped {
        cluster.restart(node).await;
    }
    let next = cluster.leader().await;
    assert!(next.consensus.status().term > term);
    // Whether it has inherited the joint configuration depends on who won; the voters that are wanted are reached either way.
    next.consensus.set_voters(old.clone()).await.unwrap();
    let status = next.consensus.status();
    assert_eq!((status.voters, status.is_joint), (old, false));
    cluster.restart(old_leader).await;
    cluster.until_all_agree().await;
    cluster.stop_all().await;
}

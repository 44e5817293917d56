use std::time::Duration;

use etl_cluster::Error;
use etl_raft::NodeId;
use etl_raft_state::NodeState;
use etl_raft_state::command::SetNodeState;

use crate::node::{Node, Place, leader, quick, three};

/// What an operator does, after the check.
async fn remove(through: &Node, node: NodeId) {
    through.write(SetNodeState { node, from: NodeState::Up, to: NodeState::Draining }).await;
    through.write(SetNodeState { node, from: NodeState::Draining, to: NodeState::Removed }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_loses_its_vote_is_told_and_cannot_come_back() {
    let [first, second, third] = three(&quick()).await;
    let fourth = Place::new(quick()).await.start(&[&first]).await;
    for node in [&first, &second, &third, &fourth] {
        first.until_state(node.id(), NodeState::Up).await;
    }
    let gone = third.id();
    first.until("the check", || first.duties.may_be_removed(gone).is_ok()).await;
    remove(&first, gone).await;
    first.until_voters(&[&first, &second, &fourth]).await;
    first.until("it is no member", || !first.consensus.status().peers.contains_key(&gone)).await;
    tokio::time::timeout(Duration::from_secs(60), third.duties.removed()).await.expect("it is told");

    let place = third.stop().await;
    let refused = place.try_to_join(&[&first], Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { reason, .. } if reason.contains("removed")), "{refused}");
    place.wipe();
    let anew = place.start(&[&second]).await;
    assert!(anew.id() > fourth.id());
    first.until_state(anew.id(), NodeState::Up).await;
    for node in [first, second, fourth, anew] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_removed_hands_over_and_goes() {
    let [first, second, third] = three(&quick()).await;
    let old = first.id();
    remove(&first, old).await;
    let next = leader_but(&[&second, &third], old).await;
    next.until("the old leader is no member", || !next.consensus.status().peers.contains_key(&old)).await;
    assert_eq!(next.voters().len(), 1, "of two that are left one votes");
    tokio::time::timeout(Duration::from_secs(60), first.duties.removed()).await.expect("it is told");
    for node in [first, second, third] {
        node.stop().await;
    }
}

async fn leader_but<'a>(nodes: &[&'a Node], old: NodeId) -> &'a Node {
    for node in nodes {
        node.until("another leader", || node.consensus.status().leader.is_some_and(|id| id != old)).await;
    }
    leader(nodes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_node_stays() {
    let first = Place::new(quick()).await.found().await;
    first.until_state(1, NodeState::Up).await;
    first
        .until("the check", || {
            first.duties.may_be_removed(1).is_err_and(|error| error.to_string().contains("add another node"))
        })
        .await;
    first.stop().await;
}

use etl_raft_state::NodeState;

use crate::node::{Place, leader, quick};

/// One node is founded, others join one after the other, each by way of another member, and nobody does
/// anything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_becomes_three_becomes_five_without_help() {
    let first = Place::new(quick()).await.found().await;
    first.until_state(1, NodeState::Up).await;
    let second = Place::new(quick()).await.start(&[&first]).await;
    first.until_state(second.id(), NodeState::Up).await;
    assert_eq!(first.voters(), [1].into(), "two voters are worse than one");
    let third = Place::new(quick()).await.start(&[&second]).await;
    for node in [&first, &second, &third] {
        node.until_voters(&[&first, &second, &third]).await;
    }

    let fourth = Place::new(quick()).await.start(&[&third]).await;
    first.until_state(fourth.id(), NodeState::Up).await;
    let fifth = Place::new(quick()).await.start(&[&second, &fourth]).await;
    let all = [&first, &second, &third, &fourth, &fifth];
    for node in all {
        node.until_voters(&all).await;
    }
    let leader = leader(&all).await;
    for node in all {
        leader.until_state(node.id(), NodeState::Up).await;
    }
    leader.until("everybody heard", || leader.duties.roster().len() == 5).await;
    leader.until("nothing wrong", || leader.duties.problems().is_empty()).await;

    let sixth = Place::new(quick()).await.start(&[&first]).await;
    leader.until_state(sixth.id(), NodeState::Up).await;
    leader
        .until("a learner that may vote", || {
            leader.duties.picture().is_some_and(|picture| picture.is_eligible(sixth.id()))
        })
        .await;
    assert_eq!(leader.voters().len(), 5, "five are enough");
    for node in [first, second, third, fourth, fifth, sixth] {
        node.stop().await;
    }
}

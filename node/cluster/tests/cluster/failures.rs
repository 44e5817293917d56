use etl_raft_state::NodeState;
use etl_raft_state::command::SetNodeState;

use crate::node::{Place, leader, quick, three};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_goes_down_and_comes_back_as_what_it_was() {
    let [first, second, third] = three(&quick()).await;
    let down = third.id();
    first.write(SetNodeState { node: down, from: NodeState::Up, to: NodeState::Draining }).await;

    let place = third.stop().await;
    first.until_state(down, NodeState::Down).await;
    second.until_state(down, NodeState::Down).await;
    first
        .until("a problem that names it", || {
            let problems = first.duties.problems();
            let codes: Vec<_> = problems.iter().map(|problem| (problem.code, problem.node)).collect();
            codes.contains(&("node_down", Some(down))) && codes.contains(&("no_quorum_margin", None))
        })
        .await;
    assert_eq!(first.voters().len(), 3, "nobody can take its place");

    let third = place.start(&[]).await;
    assert_eq!(third.id(), down);
    first.until_state(down, NodeState::Draining).await;
    for node in [first, second, third] {
        node.stop().await;
    }
}

/// The next leader has heard of nobody yet, and must not take that for silence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stops_is_declared_down_by_the_next_and_nobody_else_is() {
    let [first, second, third] = three(&quick()).await;
    let since: Vec<u64> = [&second, &third].map(|node| first.row(node.id()).unwrap().state_since_ms).into();
    let old = first.id();
    let place = first.stop().await;
    let next = leader(&[&second, &third]).await;
    next.until_state(old, NodeState::Down).await;
    next.until("the other one heard", || next.duties.roster().len() >= 2).await;
    let first = place.start(&[]).await;
    next.until_state(old, NodeState::Up).await;
    let still: Vec<u64> = [&second, &third].map(|node| next.row(node.id()).unwrap().state_since_ms).into();
    assert_eq!(still, since, "they were up all the time");
    for node in [first, second, third] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voter_that_stays_away_is_replaced() {
    let [first, second, third] = three(&quick()).await;
    let fourth = Place::new(quick()).await.start(&[&first]).await;
    first.until_state(fourth.id(), NodeState::Up).await;
    let lost = third.id();
    let place = third.stop().await;
    first.until_state(lost, NodeState::Down).await;
    first.until_voters(&[&first, &second, &fourth]).await;
    let third = place.start(&[]).await;
    first.until_state(lost, NodeState::Up).await;
    first.until("it follows", || first.consensus.status().learners.contains(&lost)).await;
    assert_eq!(first.voters(), [first.id(), second.id(), fourth.id()].into());
    for node in [first, second, third, fourth] {
        node.stop().await;
    }
}

/// A disk is lost, and the node starts with an empty one where it was. Under its old id nobody deals with it:
/// what it promised is gone. It becomes a new node, and takes the vote of the old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_node_is_refused_under_its_old_id_and_joins_under_a_new_one() {
    let [first, second, third] = three(&quick()).await;
    let old = third.id();
    let place = third.stop().await;
    place.wipe();
    let anew = place.start(&[&first, &second]).await;
    assert!(anew.id() > old, "an id is never given twice");
    let looks_for = format!("looks for node {old}, but at {} is node {}", anew.place.raft_address, anew.id());
    first
        .until("the old id refused", || {
            first.consensus.status().refusals.get(&old).is_some_and(|reason| reason.contains(&looks_for))
        })
        .await;
    first.until_voters(&[&first, &second, &anew]).await;
    assert_eq!(first.state(old), Some(NodeState::Down));
    first
        .until("a hint what to do with the old one", || {
            first.duties.problems().iter().any(|problem| {
                problem.code == "node_down"
                    && problem.node == Some(old)
                    && problem.remedy.contains(&format!("node {} uses its address", anew.id()))
            })
        })
        .await;
    for node in [first, second, anew] {
        node.stop().await;
    }
}

/// A leader that is cut off hears of nobody. It must not take the others for dead, nor may they stay apart
/// afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_declares_nobody_down() {
    let [first, second, third] = three(&quick()).await;
    let since: Vec<u64> = [&second, &third].map(|node| first.row(node.id()).unwrap().state_since_ms).into();
    let network = first.place.network.clone();
    network.cut(&first.place.addresses());
    let next = leader(&[&second, &third]).await;
    next.until_state(first.id(), NodeState::Down).await;
    first
        .until("it knows that it is alone", || {
            let problems = first.duties.problems();
            problems.iter().any(|problem| matches!(problem.code, "no_leader" | "quorum_silent"))
        })
        .await;
    network.heal();
    next.until_state(first.id(), NodeState::Up).await;
    first.until("it follows", || first.consensus.status().leader == next.consensus.status().leader).await;
    let still: Vec<u64> = [&second, &third].map(|node| next.row(node.id()).unwrap().state_since_ms).into();
    assert_eq!(still, since, "they were up all the time");
    for node in [first, second, third] {
        node.stop().await;
    }
}

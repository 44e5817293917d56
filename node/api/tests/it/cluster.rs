use std::time::Duration;

use etl_api::Kind;
use etl_api::model::{Consistency, NodeState, Role};
use etl_raft_state::command::{FinishRun, PutWorkflow, StartRun};
use etl_raft_state::{Command, ContentHash, PartitionKey, RunOutcome};
use uuid::Uuid;

use crate::site::{Node, client, refused, stop_all, three, workflow};
use crate::work::give;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_of_one_node() {
    let node = Node::found().await;
    let status = node.client().cluster_status(Consistency::Linearizable).await.unwrap();
    assert_eq!(status.cluster, node.consensus.member().cluster);
    assert_eq!((status.leader, status.answered_by, status.joint), (Some(1), 1, false));
    assert!(status.term >= 1 && status.committed_index >= 3 && status.last_index >= status.committed_index);
    let [only] = status.nodes.as_slice() else { panic!("{:?}", status.nodes) };
    assert_eq!((only.id, only.role, only.state, only.lag), (1, Some(Role::Leader), NodeState::Up, Some(0)));
    assert_eq!((only.software_version.as_str(), only.zone.as_str()), ("1.2.3", "here"));
    assert_eq!((only.admin_address.clone(), only.partitions), (node.admin.to_string(), 0));
    assert_eq!(only.store, node.consensus.member().store);
    let problem = status.problems.iter().find(|problem| problem.code == "single_voter").unwrap();
    assert!(!problem.message.is_empty() && !problem.remedy.is_empty());
    let heard =
        node.until("the node has told how it is", |status| status.nodes[0].disk_total_bytes.is_some()).await;
    let heard = &heard.nodes[0];
    assert_eq!((heard.disk_free_bytes, heard.disk_total_bytes), (Some(60), Some(100)));
    assert_eq!((heard.log_bytes, heard.state_bytes), (Some(7), Some(8)));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_answers_with_what_the_leader_knows() {
    let nodes = three().await;
    nodes[0]
        .until("all were heard", |status| status.nodes.iter().all(|node| node.disk_free_bytes.is_some()))
        .await;
    for node in &nodes {
        let status = node.client().cluster_status(Consistency::Linearizable).await.unwrap();
        assert_eq!((status.leader, status.answered_by), (Some(1), 1), "asked at node {}", node.id);
        assert_eq!(status.nodes.len(), 3);
        for seen in &status.nodes {
            assert!(seen.silent_ms.is_some() && seen.disk_free_bytes == Some(60), "{seen:?}");
            assert!(seen.lag.is_some_and(|lag| lag < 100), "{seen:?}");
            assert!(matches!(seen.role, Some(Role::Leader | Role::Voter)), "{seen:?}");
        }
        let stale = node.client().cluster_status(Consistency::Stale).await.unwrap();
        assert_eq!((stale.leader, stale.answered_by), (Some(1), node.id));
        assert_eq!(stale.quorum_silent_ms.is_some(), node.id == 1);
    }
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_drains_and_resumes_also_twice() {
    let node = Node::found().await;
    let client = node.client();
    let state = async || client.cluster_status(Consistency::Linearizable).await.unwrap().nodes[0].state;
    for _ in 0..2 {
        assert_eq!(client.drain_node(1).await.unwrap(), 0);
        assert_eq!(state().await, NodeState::Draining);
    }
    for _ in 0..2 {
        client.resume_node(1).await.unwrap();
        assert_eq!(state().await, NodeState::Up);
    }
    for refusal in [refused(client.drain_node(7).await), refused(client.resume_node(7).await)] {
        assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::NotFound, "unknown_node"));
    }
    node.stop().await;
}

/// A run that can go nowhere but to a node, with its coordinator there.
async fn assign(node: &Node, owner: u64) -> PartitionKey {
    let run = Uuid::new_v4();
    let hash = ContentHash::from([7; 32]);
    let put = PutWorkflow {
        name: "busy".to_owned(),
        document: "workflow:".to_owned(),
        hash,
        expected_version: None,
        schedule: None,
    };
    let start = StartRun {
        run,
        workflow: "busy".to_owned(),
        expected_version: None,
        replaces: None,
        pinned: Some(owner),
        hosts: Default::default(),
        parameters: Default::default(),
    };
    for command in [Command::from(put), start.into()] {
        let response = node.consensus.write(command).await.unwrap();
        assert_eq!(response.rejection(), None, "{response:?}");
    }
    let key = PartitionKey::coordinator(run);
    give(node, &key, owner).await;
    key
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_counted_where_they_are() {
    let node = Node::found().await;
    assign(&node, 1).await;
    assert_eq!(node.client().drain_node(1).await.unwrap(), 1);
    let status = node.client().cluster_status(Consistency::Linearizable).await.unwrap();
    assert_eq!(status.nodes[0].partitions, 1);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_voter_stays() {
    let node = Node::found().await;
    for force in [false, true] {
        let refusal = refused(node.client().remove_node(1, force).await);
        assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::Precondition, "last_voter"), "{refusal}");
        assert!(refusal.help.is_some());
    }
    let refusal = refused(node.client().remove_node(9, false).await);
    assert_eq!(refusal.code, "unknown_node");
    let refusal = refused(node.client().transfer_leader(None).await);
    assert_eq!(refusal.code, "no_successor");
    let same = node.client().transfer_leader(Some(1)).await.unwrap();
    assert_eq!(same.leader, 1);
    let status = node.client().cluster_status(Consistency::Linearizable).await.unwrap();
    assert_eq!(status.nodes[0].state, NodeState::Up, "a refusal has changed nothing");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_is_handed_over_from_any_node() {
    let nodes = three().await;
    let third = nodes[2].id;
    let leadership = nodes[1].client().transfer_leader(Some(third)).await.unwrap();
    assert_eq!(leadership.leader, third);
    let status = nodes[0].client().cluster_status(Consistency::Linearizable).await.unwrap();
    assert_eq!((status.leader, status.term), (Some(third), leadership.term));
    let again = nodes[0].client().transfer_leader(Some(third)).await.unwrap();
    assert_eq!(again, leadership, "who leads already stays");
    let other = nodes[0].client().transfer_leader(None).await.unwrap();
    assert_ne!(other.leader, third);
    assert!(other.term > leadership.term);
    assert_eq!(refused(nodes[0].client().transfer_leader(Some(77)).await).code, "unknown_node");
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_is_removed_after_its_partitions_have_left() {
    let nodes = three().await;
    let (leader, leaving) = (&nodes[0], nodes[2].id);
    let key = assign(leader, leaving).await;
    let removal = tokio::spawn({
        let client = nodes[1].client();
        async move { client.remove_node(leaving, false).await }
    });
    leader.until("it drains", |status| status.node(leaving).unwrap().state == NodeState::Draining).await;
    assert!(!removal.is_finished(), "it has a partition");
    let ended = FinishRun { run: key.run, outcome: RunOutcome::Cancelled, by: None };
    let response = leader.consensus.write(ended).await.unwrap();
    assert_eq!(response.rejection(), None, "{response:?}");
    removal.await.unwrap().unwrap();
    let status = leader.client().cluster_status(Consistency::Linearizable).await.unwrap();
    let gone = status.node(leaving).unwrap();
    assert_eq!((gone.state, gone.role), (NodeState::Removed, None));
    assert!(status.voters().all(|node| node.id != leaving));
    leader.client().remove_node(leaving, false).await.unwrap();
    for refusal in [
        refused(leader.client().drain_node(leaving).await),
        refused(leader.client().resume_node(leaving).await),
    ] {
        assert_eq!(refusal.code, "node_removed");
    }
    assert_eq!(refused(leader.client().transfer_leader(Some(leaving)).await).code, "node_removed");
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_removed_hands_over_first() {
    let nodes = three().await;
    let all: Vec<_> = nodes.iter().map(|node| node.admin.to_string()).collect();
    client(&all).with_timeout(Duration::from_secs(60)).remove_node(1, false).await.unwrap();
    let status = nodes[1].client().cluster_status(Consistency::Linearizable).await.unwrap();
    assert_ne!(status.leader, Some(1));
    assert_eq!(status.node(1).map(|node| (node.state, node.role)), Some((NodeState::Removed, None)));
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_down_is_removed_by_force_alone() {
    let [first, second, third] = three().await;
    let lost = third.id;
    third.stop().await;
    first.until("it is down", |status| status.node(lost).unwrap().state == NodeState::Down).await;
    let client = second.client();
    assert_eq!(refused(client.drain_node(lost).await).code, "node_down");
    assert_eq!(refused(client.resume_node(lost).await).code, "node_down");
    assert_eq!(refused(client.transfer_leader(Some(lost)).await).code, "node_down");
    let refusal = refused(client.remove_node(lost, false).await);
    assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::Precondition, "node_down"));
    let status = client.cluster_status(Consistency::Linearizable).await.unwrap();
    assert!(status.problems.iter().any(|problem| problem.node == Some(lost)), "{:?}", status.problems);
    client.remove_node(lost, true).await.unwrap();
    let status = client.cluster_status(Consistency::Linearizable).await.unwrap();
    assert_eq!(status.node(lost).map(|node| (node.state, node.role)), Some((NodeState::Removed, None)));
    stop_all([first, second]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_shrinks_to_the_last_voter_and_no_further() {
    let [first, second, third] = three().await;
    let (lost, leaving) = (third.id, second.id);
    third.stop().await;
    first.until("it is down", |status| status.node(lost).unwrap().state == NodeState::Down).await;
    first.client().remove_node(leaving, false).await.unwrap();
    let refusal = refused(first.client().remove_node(1, true).await);
    assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::Precondition, "last_voter"), "{refusal}");
    let status = first.client().cluster_status(Consistency::Linearizable).await.unwrap();
    assert_eq!(status.voters().map(|node| node.id).collect::<Vec<_>>(), [1]);
    assert_eq!(status.node(1).unwrap().state, NodeState::Up, "a refusal has changed nothing");
    first.client().apply_workflow(&workflow("orders", 1), None).await.unwrap();
    stop_all([first, second]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_resumed_while_it_leaves_stays() {
    let nodes = three().await;
    let (leader, leaving) = (&nodes[0], nodes[2].id);
    assign(leader, leaving).await;
    let removal = tokio::spawn({
        let client = leader.client();
        async move { client.remove_node(leaving, false).await }
    });
    leader.until("it drains", |status| status.node(leaving).unwrap().state == NodeState::Draining).await;
    nodes[1].client().resume_node(leaving).await.unwrap();
    let refusal = refused(removal.await.unwrap());
    assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::Conflict, "resumed"));
    let status = leader.client().cluster_status(Consistency::Linearizable).await.unwrap();
    assert_eq!(status.node(leaving).unwrap().state, NodeState::Up);
    stop_all(nodes).await;
}

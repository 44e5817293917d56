use etl_proto::raft::raft_client::RaftClient;
use etl_proto::raft::{AppendRequest, Envelope, ReadIndexRequest, StandRequest, VoteRequest};
use etl_raft::consensus::Consensus;
use etl_raft::network::{Member, channel};
use etl_raft_state::command::{SetNodeState, UpdateNode};
use etl_raft_state::{FEATURE_LEVEL, NodeState, Response};
use tonic::transport::Channel;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::cluster::{Cluster, Node, free_address, quick_settings};

fn client(cluster: &Cluster, to: &Node) -> RaftClient<Channel> {
    RaftClient::new(channel(cluster.network.dialer("a test"), to.address()))
}

fn envelope(from: &Member, to: &Member) -> Envelope {
    Envelope {
        cluster_id: from.cluster.as_bytes().to_vec().into(),
        from_node: from.node,
        to_node: to.node,
        to_store: to.store.as_bytes().to_vec().into(),
        from_incarnation: from.incarnation,
    }
}

fn member(consensus: &Consensus) -> Member {
    consensus.member().clone()
}

/// Sends every kind of request with this envelope; all answers must be the same refusal.
async fn refusal(cluster: &Cluster, to: &Node, envelope: Envelope) -> Status {
    let mut client = client(cluster, to);
    let envelope = Some(envelope);
    let answers: Vec<Status> = vec![
        client.append(AppendRequest { envelope: envelope.clone(), ..Default::default() }).await.unwrap_err(),
        client.vote(VoteRequest { envelope: envelope.clone(), ..Default::default() }).await.unwrap_err(),
        client.read_index(ReadIndexRequest { envelope: envelope.clone() }).await.unwrap_err(),
        client.stand_for_election(StandRequest { envelope, last: None }).await.unwrap_err(),
    ];
    assert!(answers.iter().all(|answer| answer.message() == answers[0].message()), "{answers:#?}");
    answers.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_meant_answers_nobody() {
    let cluster = Cluster::three().await;
    let (from, to) = (cluster.leader().await, cluster.follower().await);
    let (sender, receiver) = (member(&from.consensus), member(&to.consensus));
    let last = to.consensus.status();

    let other_cluster = Member { cluster: Uuid::from_u128(0xbad), ..sender.clone() };
    let other_node = Member { node: 77, ..receiver.clone() };
    let other_store = Member { store: Uuid::from_u128(0xbad), ..receiver.clone() };
    let unknown_sender = Member { node: 2, ..sender.clone() };
    let cases = [
        (envelope(&other_cluster, &receiver), "of cluster 00000000-0000-0000-0000-000000000bad".to_owned()),
        (envelope(&sender, &other_node), format!("looks for node 77, but at {} is node", receiver.address)),
        (envelope(&sender, &other_store), receiver.store.to_string()),
        // The id of an entry that admitted nobody.
        (envelope(&unknown_sender, &receiver), "node 2 was never admitted".to_owned()),
    ];
    for (envelope, expected) in cases {
        let refused = refusal(&cluster, to, envelope).await;
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
        assert!(refused.message().contains(&expected), "{refused}");
    }
    let malformed = client(&cluster, to).append(AppendRequest::default()).await.unwrap_err();
    assert_eq!(
        (malformed.code(), malformed.message()),
        (Code::InvalidArgument, "malformed message: envelope is missing")
    );
    assert_eq!(to.consensus.status(), last);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_node_under_its_old_name_is_refused_and_says_so() {
    let mut cluster = Cluster::of(3, quick_settings()).await;
    let wiped = cluster.follower().await.id();
    let stopped = cluster.stop(wiped).await;
    // The same name and address, but an empty directory.
    let empty = tempfile::TempDir::new().unwrap();
    let store = etl_raft::store::DataDir::open(empty.path()).unwrap().store();
    let impostor = Member { store, ..stopped.member.clone() };
    let node = Node::start(&cluster.settings, &cluster.network, impostor, empty).await;
    let leader = cluster.leader().await;
    leader.note("without it").await.unwrap();
    let status = leader.until("the leader is told", |status| status.refusals.contains_key(&wiped)).await;
    assert!(status.refusals[&wiped].contains("wiped or replaced must join as a new node"), "{status:?}");
    assert_eq!(node.consensus.status().last_index, None, "it has taken nothing");
    node.stop().await;
    cluster.restart(stopped).await;
    cluster.until_all_agree().await;
    let leader = cluster.leader().await;
    leader.until("it is welcome again", |status| status.refusals.is_empty()).await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_removed_while_it_was_away_is_told() {
    let mut cluster = Cluster::of(3, quick_settings()).await;
    let gone = cluster.follower().await.id();
    let stopped = cluster.stop(gone).await;
    let leader = cluster.leader().await;
    let staying = cluster.nodes.keys().copied().collect();
    leader.consensus.set_voters(staying).await.unwrap();
    leader.consensus.remove_learner(gone).await.unwrap();
    for (from, to) in [(NodeState::Joining, NodeState::Down), (NodeState::Down, NodeState::Removed)] {
        let response = leader.consensus.write(SetNodeState { node: gone, from, to }).await.unwrap();
        assert_eq!(response.rejection(), None);
    }
    cluster.until_all_agree().await;
    let term = leader.consensus.status().term;
    cluster.restart(stopped).await;
    let node = &cluster.nodes[&gone];
    let status = node.until("it is told", |status| !status.refusals.is_empty()).await;
    assert!(status.refusals.values().all(|said| said.contains("was removed from cluster")), "{status:?}");
    let ghost = cluster.stop(gone).await;
    cluster.leader().await.note("undisturbed").await.unwrap();
    assert_eq!(cluster.leader().await.consensus.status().term, term);
    drop(ghost);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_moved_is_reached_where_it_says_it_is() {
    let mut cluster = Cluster::three().await;
    let moved = cluster.follower().await.id();
    let mut stopped = cluster.stop(moved).await;
    stopped.member.address = free_address().await;
    let update = UpdateNode {
        node: moved,
        store: stopped.member.store,
        raft_address: Some(stopped.member.address.clone()),
        admin_address: String::new(),
        software_version: "0.1.0".into(),
        feature_level: FEATURE_LEVEL,
    };
    cluster.leader().await.note("missed").await.unwrap();
    cluster.restart(stopped).await;
    // Nobody can reach it, but it remembers who leads.
    let node = &cluster.nodes[&moved];
    assert_eq!(node.consensus.write(update).await.unwrap(), Response::Done);
    node.until("it has caught up", |status| status.applied.is_some() && status.leader.is_some()).await;
    cluster.until_all_agree().await;
    // And it can lead.
    cluster.leader().await.consensus.transfer_leader(moved).await.unwrap();
    cluster.follower().await.note("led from elsewhere").await.unwrap();
    assert_eq!(cluster.notes_everywhere().await, ["missed", "led from elsewhere"]);
    cluster.stop_all().await;
}

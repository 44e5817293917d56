use bytes::Bytes;
use etl_proto::cluster as wire;
use etl_proto::cluster::cluster_client::ClusterClient;
use etl_raft::network::channel;
use etl_raft_state::NodeState;
use tonic::Code;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::node::{Node, Place, quick};
use crate::tcp::dialer;

fn client(node: &Node) -> ClusterClient<Channel> {
    ClusterClient::new(channel(dialer(), node.place.admin_address.clone()))
}

fn id(uuid: Uuid) -> Bytes {
    Bytes::copy_from_slice(uuid.as_bytes())
}

/// A heartbeat as the node itself would send it.
fn beat(node: &Node) -> wire::HeartbeatRequest {
    let me = node.consensus.member();
    wire::HeartbeatRequest {
        cluster_id: id(me.cluster),
        node: me.node,
        store: id(me.store),
        incarnation: me.incarnation,
        software_version: "1.0.0".to_owned(),
        feature_level: 1,
        health: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_that_does_not_come_from_the_node_it_names_is_refused() {
    type Spoil = fn(&mut wire::HeartbeatRequest);
    let first = Place::new(quick()).await.found().await;
    let mut client = client(&first);
    let cases: [(Spoil, Code, &str); 5] = [
        (|beat| beat.cluster_id = id(Uuid::from_u128(9)), Code::FailedPrecondition, "another cluster"),
        (|beat| beat.store = id(Uuid::from_u128(9)), Code::FailedPrecondition, "has store"),
        (|beat| beat.node = 77, Code::Unavailable, "not known"),
        (|beat| beat.store = Bytes::new(), Code::InvalidArgument, "store has 0 bytes"),
        (|beat| beat.cluster_id = Bytes::from_static(&[0; 16]), Code::InvalidArgument, "cluster_id is nil"),
    ];
    for (spoil, code, words) in cases {
        let mut request = beat(&first);
        spoil(&mut request);
        let status = client.heartbeat(request).await.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(words), "{status}");
    }
    let answer = client.heartbeat(beat(&first)).await.unwrap().into_inner();
    assert_eq!((answer.leader, answer.term), (1, first.consensus.status().term));
    assert!(!first.duties.roster().contains_key(&77));
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_passed_on_once_and_a_large_one_not_at_all() {
    let first = Place::new(quick()).await.found().await;
    let second = Place::new(quick()).await.start(&[&first]).await;
    second.until_state(second.id(), NodeState::Up).await;
    let mut client = client(&second);
    let mut request = wire::JoinRequest {
        raft_address: "127.0.0.1:9".to_owned(),
        admin_address: "127.0.0.1:10".to_owned(),
        store: id(Uuid::new_v4()),
        software_version: "1.0.0".to_owned(),
        feature_level: 1,
        zone: String::new(),
        forwarded: true,
    };
    let status = client.join(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("does not lead"), "{status}");

    request.forwarded = false;
    request.zone = "z".repeat(1 << 20);
    let status = client.join(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");

    request.zone.clear();
    let joined = client.join(request).await.unwrap().into_inner();
    assert_eq!(joined.cluster_id, id(first.consensus.member().cluster));
    for node in [first, second] {
        node.stop().await;
    }
}

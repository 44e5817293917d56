use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use etl_raft::network::channel;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::site::{Node, PATIENCE, PlainDialer, stop_all, three};

fn health(node: &Node) -> HealthClient<tonic::transport::Channel> {
    HealthClient::new(channel(Arc::new(PlainDialer), node.admin.to_string()))
}

/// Waits until a service of a node is told to be so.
async fn until(node: &Node, service: &str, wanted: ServingStatus) {
    let request = HealthCheckRequest { service: service.to_owned() };
    let mut changes = health(node).watch(request).await.unwrap().into_inner();
    let told = async {
        while let Some(change) = changes.next().await {
            if change.unwrap().status == wanted as i32 {
                return;
            }
        }
        panic!("the stream has ended");
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("`{service}` is not {wanted:?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_healthy_as_long_as_it_takes_part() {
    let [first, second, third] = three().await;
    for node in [&first, &second, &third] {
        for service in ["", "actix_etl.admin.v1.Admin", "actix_etl.cluster.v1.Cluster", "disk"] {
            until(node, service, ServingStatus::Serving).await;
        }
    }
    stop_all([second, third]).await;
    // The leader is cut off: it may still believe that it leads.
    until(&first, "", ServingStatus::NotServing).await;
    until(&first, "actix_etl.admin.v1.Admin", ServingStatus::NotServing).await;
    let unknown = HealthCheckRequest { service: "nobody.v1.Nothing".to_owned() };
    assert_eq!(health(&first).check(unknown).await.unwrap_err().code(), Code::NotFound);
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_removed_is_not_healthy() {
    let nodes = three().await;
    let leaving = nodes[2].id;
    until(&nodes[2], "", ServingStatus::Serving).await;
    let client = nodes[0].client().with_timeout(Duration::from_secs(60));
    client.remove_node(leaving, false).await.unwrap();
    until(&nodes[2], "", ServingStatus::NotServing).await;
    until(&nodes[1], "", ServingStatus::Serving).await;
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_tells_what_is_served() {
    let node = Node::found().await;
    let mut client = ServerReflectionClient::new(channel(Arc::new(PlainDialer), node.admin.to_string()));
    let ask = |request| ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let requests = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("actix_etl.admin.v1.Admin.ApplyWorkflow".to_owned())),
    ];
    let mut answers = client.server_reflection_info(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let mut next = async || answers.next().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = next().await else { panic!("no list") };
    let names: BTreeSet<_> = services.service.into_iter().map(|service| service.name).collect();
    let expected = ["actix_etl.admin.v1.Admin", "actix_etl.cluster.v1.Cluster", "grpc.health.v1.Health"];
    assert_eq!(names, expected.map(str::to_owned).into());
    let MessageResponse::FileDescriptorResponse(files) = next().await else { panic!("no file") };
    assert!(!files.file_descriptor_proto.is_empty());
    node.stop().await;
}

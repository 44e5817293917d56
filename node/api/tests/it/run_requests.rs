use etl_api::model::{Consistency, RunPhase, RunTarget};
use etl_proto::admin as wire;
use etl_proto::admin::admin_client::AdminClient as Stub;
use etl_proto::admin::run_target::Target;
use etl_raft::network::channel;
use tonic::Code;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::site::{Node, PlainDialer, stop_all, three, workflow};

const FRESH: Consistency = Consistency::Linearizable;

fn stub(node: &Node) -> Stub<Channel> {
    Stub::new(channel(std::sync::Arc::new(PlainDialer), node.admin.to_string()))
}

fn id(n: u8) -> Vec<u8> {
    vec![n; 16]
}

fn orders() -> Option<wire::RunTarget> {
    Some(wire::RunTarget { target: Some(Target::Workflow("orders".to_owned())) })
}

fn run(n: u8) -> wire::RunWorkflowRequest {
    wire::RunWorkflowRequest { name: "orders".to_owned(), request_id: id(n).into(), ..Default::default() }
}

fn pause(n: u8) -> wire::PauseRunRequest {
    wire::PauseRunRequest { target: orders(), request_id: id(n).into() }
}

fn resume(n: u8) -> wire::ResumeRunRequest {
    wire::ResumeRunRequest { target: orders(), request_id: id(n).into() }
}

fn stop(n: u8) -> wire::StopRunRequest {
    wire::StopRunRequest { target: orders(), request_id: id(n).into() }
}

async fn phase(node: &Node, run: &str) -> RunPhase {
    node.client().run(&RunTarget::from(run), FRESH).await.unwrap().summary.phase
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_acts_once_on_whichever_node_and_whatever_came_between() {
    let nodes = three().await;
    let [first, second, third] = &nodes;
    first.client().apply_workflow(&workflow("orders", 1), None).await.unwrap();
    let started = stub(first).run_workflow(run(1)).await.unwrap().into_inner();
    assert_eq!(started.run, Uuid::from_slice(&id(1)).unwrap().to_string(), "the request's id is the run's");
    for node in &nodes {
        assert_eq!(stub(node).run_workflow(run(1)).await.unwrap().into_inner(), started);
    }
    let refused = stub(second).run_workflow(run(2)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "another request is no retry");

    stub(second).pause_run(pause(3)).await.unwrap();
    let continued = stub(third).run_workflow(run(4)).await.unwrap().into_inner();
    assert!(continued.continued && continued.run == started.run);
    for node in &nodes {
        assert_eq!(stub(node).run_workflow(run(4)).await.unwrap().into_inner(), continued);
        let paused = stub(node).pause_run(pause(3)).await.unwrap().into_inner();
        assert_eq!(paused.run, started.run);
        assert_eq!(phase(node, &started.run).await, RunPhase::Running, "it was resumed since");
    }

    stub(first).pause_run(pause(5)).await.unwrap();
    let resumed = stub(second).resume_run(resume(6)).await.unwrap().into_inner();
    stub(third).pause_run(pause(7)).await.unwrap();
    for node in &nodes {
        assert_eq!(stub(node).resume_run(resume(6)).await.unwrap().into_inner(), resumed);
        assert_eq!(stub(node).run_workflow(run(4)).await.unwrap().into_inner(), continued);
        assert_eq!(phase(node, &started.run).await, RunPhase::Paused, "it was paused since");
    }

    stub(first).stop_run(stop(8)).await.unwrap();
    let next = stub(second).run_workflow(run(9)).await.unwrap().into_inner();
    for node in &nodes {
        let stopped = stub(node).stop_run(stop(8)).await.unwrap().into_inner();
        assert_eq!(stopped.run, started.run);
        assert_eq!(stub(node).run_workflow(run(1)).await.unwrap().into_inner(), started);
        assert_eq!(phase(node, &next.run).await, RunPhase::Running, "a retry does not stop the next run");
    }
    let restart = wire::RunWorkflowRequest { restart: true, ..run(10) };
    let restarted = stub(first).run_workflow(restart.clone()).await.unwrap().into_inner();
    for node in &nodes {
        assert_eq!(stub(node).run_workflow(restart.clone()).await.unwrap().into_inner(), restarted);
        assert_eq!(phase(node, &restarted.run).await, RunPhase::Running);
    }
    assert_eq!(first.client().list_runs(None, None, FRESH).await.unwrap().len(), 3);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_not_formed_well_are_refused() {
    let node = Node::found().await;
    node.client().apply_workflow(&workflow("orders", 1), None).await.unwrap();
    for size in [1, 15, 17] {
        let request_id = || vec![1; size].into();
        let wrong = wire::RunWorkflowRequest { request_id: request_id(), ..run(1) };
        assert_eq!(stub(&node).run_workflow(wrong).await.unwrap_err().code(), Code::InvalidArgument);
        let wrong = wire::PauseRunRequest { request_id: request_id(), ..pause(1) };
        assert_eq!(stub(&node).pause_run(wrong).await.unwrap_err().code(), Code::InvalidArgument);
        let wrong = wire::ResumeRunRequest { request_id: request_id(), ..resume(1) };
        assert_eq!(stub(&node).resume_run(wrong).await.unwrap_err().code(), Code::InvalidArgument);
        let wrong = wire::StopRunRequest { request_id: request_id(), ..stop(1) };
        assert_eq!(stub(&node).stop_run(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let bad = || Some(wire::RunTarget { target: Some(Target::Run("orders".to_owned())) });
    let targets = [None, Some(wire::RunTarget { target: None }), bad()];
    for target in targets {
        let codes = [
            stub(&node)
                .pause_run(wire::PauseRunRequest { target: target.clone(), ..pause(1) })
                .await
                .map(drop),
            stub(&node)
                .get_run(wire::GetRunRequest { target: target.clone(), ..Default::default() })
                .await
                .map(drop),
            stub(&node).watch_run(wire::WatchRunRequest { target: target.clone() }).await.map(drop),
            stub(&node)
                .list_partitions(wire::ListPartitionsRequest { target, ..Default::default() })
                .await
                .map(drop),
        ];
        for code in codes {
            assert_eq!(code.unwrap_err().code(), Code::InvalidArgument);
        }
    }
    let without_id = wire::RunWorkflowRequest { request_id: Vec::new().into(), ..run(1) };
    let started = stub(&node).run_workflow(without_id).await.unwrap().into_inner();
    assert!(Uuid::parse_str(&started.run).is_ok());
    node.stop().await;
}

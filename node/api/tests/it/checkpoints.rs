use etl_api::model::{Consistency, RunOptions, RunPhase, RunTarget};
use etl_raft_state::command::ForgetProgress;
use etl_raft_state::{Rejection, Response};

use crate::site::{Node, refused, workflow};
use crate::work::Work;

const FRESH: Consistency = Consistency::Linearizable;

fn orders() -> RunTarget {
    RunTarget::Workflow("orders".to_owned())
}

async fn begin(node: &Node) -> Work<'_> {
    let started = node.client().run_workflow("orders", &RunOptions::default()).await.unwrap();
    assert!(!started.continued);
    Work { node, run: started.run }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_are_told_and_forgotten() {
    let node = Node::found().await;
    let client = node.client();
    assert_eq!(refused(client.reset_checkpoints("orders").await).code, "not_found");
    client.apply_workflow(&workflow("orders", 1), None).await.unwrap();
    assert_eq!(refused(client.checkpoints(&orders(), FRESH).await).code, "not_found");
    let nothing = client.reset_checkpoints("orders").await.unwrap();
    assert_eq!((nothing.reset, nothing.ended_run), (false, None));

    let first = begin(&node).await;
    first.discover(&[("a", Some(100)), ("b", None)], true).await;
    first.advance("a", "out", 1, 20).await;
    first.advance("a", "second", 1, 10).await;
    first.store("b", "out", 1, b"nothing that can be read".to_vec()).await;
    let listed = client.checkpoints(&orders(), FRESH).await.unwrap();
    assert_eq!((listed.run, listed.phase, listed.goes_on_after), (first.run, RunPhase::Running, None));
    let [out, second] = listed.checkpoints.as_slice() else { panic!("{listed:?}") };
    assert_eq!((out.partition.as_str(), out.destination.as_str(), out.unit), ("a", "out", 1));
    assert_eq!((out.position, out.counters.delivered, out.done), (20, 20, false));
    assert_eq!((second.destination.as_str(), second.position), ("second", 10));
    assert!(out.epoch >= 1 && out.at_ms > 0);
    assert_eq!(listed.unreadable_checkpoints, 1);
    let refusal = refused(client.reset_checkpoints("orders").await);
    assert_eq!(refusal.code, "run_active");
    assert!(refusal.help.unwrap().contains("workflow pause orders"));

    first.finish_partition("a").await;
    first.finish_partition("b").await;
    first.complete().await;
    let second = begin(&node).await;
    second.discover(&[("a", None)], true).await;
    second.advance("a", "out", 1, 30).await;
    client.pause_run(&orders()).await.unwrap();
    let listed = client.checkpoints(&orders(), FRESH).await.unwrap();
    assert_eq!((listed.phase, listed.goes_on_after), (RunPhase::Paused, Some(first.run)));
    let of_first = client.checkpoints(&RunTarget::Run(first.run), FRESH).await.unwrap();
    assert_eq!((of_first.phase, of_first.checkpoints.len()), (RunPhase::Completed, 2));

    let reset = client.reset_checkpoints("orders").await.unwrap();
    assert_eq!((reset.workflow.as_str(), reset.reset, reset.ended_run), ("orders", true, Some(second.run)));
    let listed = client.checkpoints(&orders(), FRESH).await.unwrap();
    assert_eq!((listed.run, listed.phase), (second.run, RunPhase::Cancelled));
    assert_eq!((listed.checkpoints.len(), listed.goes_on_after), (0, None));
    assert!(!client.reset_checkpoints("orders").await.unwrap().reset);
    begin(&node).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_on_an_older_state_forgets_nothing() {
    let node = Node::found().await;
    let client = node.client();
    client.apply_workflow(&workflow("orders", 1), None).await.unwrap();
    let work = begin(&node).await;
    client.stop_run(&orders()).await.unwrap();
    let forget = ForgetProgress { workflow: "orders".to_owned(), halted: Some(work.run), last: None };
    let response = node.consensus.write(forget).await.unwrap();
    assert!(matches!(response, Response::Rejected(Rejection::RunConflict { .. })), "{response:?}");
    node.stop().await;
}

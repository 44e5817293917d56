use std::time::{Duration, Instant};

use etl_api::model::{RunOptions, RunPhase, RunTarget, RunView};
use etl_api::{Kind, RunWatch};
use etl_raft_state::command::HaltRun;
use etl_raft_state::parts::Halt;
use uuid::Uuid;

use crate::site::{Node, PATIENCE, client, refused, stop_all, three, workflow};
use crate::work::Work;

fn orders() -> RunTarget {
    RunTarget::Workflow("orders".to_owned())
}

async fn begin(node: &Node) -> Uuid {
    node.client().apply_workflow(&workflow("orders", 1), None).await.unwrap();
    node.client().run_workflow("orders", &RunOptions::default()).await.unwrap().run
}

async fn next(watch: &mut RunWatch) -> Option<RunView> {
    tokio::time::timeout(PATIENCE, watch.next()).await.expect("nothing is told").unwrap()
}

/// Waits until it is told so.
async fn until(watch: &mut RunWatch, what: &str, condition: impl Fn(&RunView) -> bool) -> RunView {
    let mut last = None;
    while let Some(view) = next(watch).await {
        if condition(&view) {
            return view;
        }
        last = Some(view);
    }
    panic!("it was never told that {what}; last: {last:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_watched_from_another_node_until_it_is_complete() {
    let nodes = three().await;
    let run = begin(&nodes[0]).await;
    let work = Work { node: &nodes[0], run };
    let mut watch = nodes[2].client().watch_run(&orders());
    let at_once = next(&mut watch).await.unwrap();
    assert_eq!((at_once.summary.run, at_once.summary.phase), (run, RunPhase::Running));
    work.discover(&[("a", None), ("b", None)], true).await;
    until(&mut watch, "there are two partitions", |view| view.summary.partitions.total == 2).await;
    work.advance("a", "out", 1, 10).await;
    until(&mut watch, "ten records were read", |view| view.read().0 == 10).await;
    nodes[1].client().pause_run(&orders()).await.unwrap();
    until(&mut watch, "it is paused", |view| view.summary.phase == RunPhase::Paused).await;
    nodes[1].client().resume_run(&orders()).await.unwrap();
    until(&mut watch, "it runs again", |view| view.summary.phase == RunPhase::Running).await;
    work.advance("a", "out", 2, 15).await;
    work.advance("b", "out", 1, 7).await;
    for partition in ["a", "b"] {
        work.finish_partition(partition).await;
    }
    work.complete().await;
    let last = until(&mut watch, "it is complete", |view| view.summary.phase == RunPhase::Completed).await;
    assert_eq!((last.read().0, last.summary.partitions.open), (22, 0));
    for _ in 0..2 {
        assert_eq!(next(&mut watch).await, None);
    }
    let mut late = nodes[1].client().watch_run(&RunTarget::Run(run));
    assert_eq!(next(&mut late).await, Some(last), "who comes late sees how it ended");
    assert_eq!(next(&mut late).await, None);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_changes_are_told_a_few_times_a_second() {
    let node = Node::found().await;
    let run = begin(&node).await;
    let work = Work { node: &node, run };
    work.discover(&[("a", None)], true).await;
    let mut watch = node.client().watch_run(&orders());
    next(&mut watch).await.unwrap();
    let started = Instant::now();
    let told = tokio::spawn(async move {
        let mut views = 0;
        while let Some(view) = next(&mut watch).await {
            views += 1;
            if view.read().0 == 300 {
                break;
            }
        }
        (views, started.elapsed())
    });
    for unit in 1..=300 {
        work.advance("a", "out", unit, unit).await;
    }
    let (views, elapsed) = told.await.unwrap();
    let most = elapsed.as_millis() / 200 + 2;
    assert!(views >= 1 && views <= most, "{views} views in {elapsed:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_failed_or_was_ended_is_watched_no_longer() {
    let node = Node::found().await;
    let client = node.client();
    let run = begin(&node).await;
    let mut watch = client.watch_run(&orders());
    next(&mut watch).await.unwrap();
    let failed = HaltRun { run, halt: Halt::Failed { message: "no".to_owned() }, by: None };
    assert_eq!(node.consensus.write(failed).await.unwrap().rejection(), None);
    let last = until(&mut watch, "it has failed", |view| view.summary.phase == RunPhase::Failed).await;
    assert_eq!(last.summary.message.as_deref(), Some("no"));
    assert_eq!(next(&mut watch).await, None);

    client.resume_run(&orders()).await.unwrap();
    let mut watch = client.watch_run(&orders());
    next(&mut watch).await.unwrap();
    client.stop_run(&orders()).await.unwrap();
    until(&mut watch, "it was ended", |view| view.summary.phase == RunPhase::Cancelled).await;
    assert_eq!(next(&mut watch).await, None);

    let missing = RunTarget::Workflow("missing".to_owned());
    for target in [missing, RunTarget::Run(Uuid::from_u128(1))] {
        let refusal = refused(client.watch_run(&target).next().await);
        assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::NotFound, "not_found"));
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_is_asked_when_the_one_that_tells_ends() {
    let [first, second, third] = three().await;
    let run = begin(&first).await;
    let servers = [second.admin.to_string(), first.admin.to_string()];
    let mut watch = client(&servers).watch_run(&orders());
    assert_eq!(next(&mut watch).await.unwrap().summary.run, run);
    second.stop().await;
    first.client().pause_run(&orders()).await.unwrap();
    until(&mut watch, "it is paused", |view| view.summary.phase == RunPhase::Paused).await;
    // The same run is watched on, whatever its workflow runs now.
    let restart = RunOptions { restart: true, ..RunOptions::default() };
    let next_run = first.client().run_workflow("orders", &restart).await.unwrap().run;
    let last = until(&mut watch, "it was replaced", |view| view.summary.phase == RunPhase::Replaced).await;
    assert_eq!((last.summary.run, last.summary.replaced_by), (run, Some(next_run)));

    let mut lonely = first.client().with_timeout(Duration::from_secs(2)).watch_run(&orders());
    next(&mut lonely).await.unwrap();
    stop_all([first, third]).await;
    let ended = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Err(error) = lonely.next().await {
                return error;
            }
        }
    });
    let error = ended.await.expect("it notices that nobody is left");
    assert!(matches!(error, etl_api::Error::Unreachable { .. }), "{error:?}");
}

use std::time::Duration;

use etl_api::Error;
use etl_api::model::{AssignmentState, Consistency, PartitionCounts, RunOptions, RunPhase, RunTarget};

use crate::site::{Node, three, workflow};
use crate::work::Work;

const FRESH: Consistency = Consistency::Linearizable;
const STALE: Consistency = Consistency::Stale;

fn orders() -> RunTarget {
    RunTarget::Workflow("orders".to_owned())
}

async fn begin(node: &Node) -> Work<'_> {
    node.client().apply_workflow(&workflow("orders", 1), None).await.unwrap();
    let started = node.client().run_workflow("orders", &RunOptions::default()).await.unwrap();
    Work { node, run: started.run }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_told_with_its_partitions_and_totals() {
    let node = Node::found().await;
    let client = node.client();
    let work = begin(&node).await;
    work.discover(&[("b", Some(100)), ("a", None)], false).await;
    let view = client.run(&orders(), FRESH).await.unwrap();
    assert_eq!(view.coordinator, Some(1));
    let PartitionCounts { total, open, complete, .. } = view.summary.partitions;
    assert_eq!((total, open, complete), (2, 2, false));
    work.discover(&[("c", None)], true).await;

    work.advance("a", "out", 1, 10).await;
    work.advance("a", "second", 1, 4).await;
    work.advance("b", "out", 1, 20).await;
    work.store("c", "out", 1, b"nothing that can be read".to_vec()).await;
    let view = client.run(&orders(), FRESH).await.unwrap();
    assert_eq!(view.summary.partitions, PartitionCounts { total: 3, open: 3, assigned: 3, complete: true });
    let totals: Vec<_> = view
        .routes
        .iter()
        .map(|route| (route.source.as_str(), route.destination.as_str(), route.counters.read))
        .collect();
    assert_eq!(totals, [("in", "out", 30), ("in", "second", 4)]);
    assert_eq!((view.routes[0].counters.delivered, view.routes[0].counters.bytes_read), (30, 300));
    assert_eq!((view.unreadable_checkpoints, view.read()), (1, (30, 300)));

    let listed = client.run_partitions(&orders(), FRESH).await.unwrap();
    assert_eq!((listed.run, listed.workflow.as_str()), (work.run, "orders"));
    let [b, a, c] = listed.partitions.as_slice() else { panic!("{listed:?}") };
    assert_eq!((b.partition.as_str(), b.index, b.records, b.bytes), ("b", 0, Some(100), None));
    assert_eq!((a.partition.as_str(), a.index, a.done), ("a", 1, false));
    let progress = a.progress.as_ref().unwrap();
    assert_eq!((progress.destination.as_str(), progress.unit, progress.position), ("second", 1, 4));
    assert_eq!((progress.counters.read, progress.done), (4, false), "the least advanced route");
    assert!(progress.at_ms > 0);
    let assignment = a.assignment.unwrap();
    assert_eq!((assignment.owner, assignment.state), (1, AssignmentState::Assigned));
    assert!(assignment.claimed && assignment.epoch >= 1 && assignment.since_ms > 0);
    assert_eq!((c.partition.as_str(), &c.progress), ("c", &None), "what cannot be read is not made up");

    for partition in ["a", "b", "c"] {
        work.finish_partition(partition).await;
    }
    let view = client.run(&orders(), FRESH).await.unwrap();
    assert_eq!(view.summary.partitions, PartitionCounts { total: 3, open: 0, assigned: 0, complete: true });
    let listed = client.run_partitions(&RunTarget::Run(work.run), FRESH).await.unwrap();
    assert!(listed.partitions.iter().all(|partition| partition.done), "{listed:?}");
    let status = client.cluster_status(FRESH).await.unwrap();
    assert_eq!(status.nodes[0].partitions, 1, "the coordinator; what was let go of does not count");

    work.complete().await;
    let view = client.run(&orders(), FRESH).await.unwrap();
    assert_eq!((view.summary.phase, view.coordinator), (RunPhase::Completed, None));
    assert_eq!(view.routes[0].counters.read, 30, "the totals stay");
    let listed = client.run_partitions(&orders(), FRESH).await.unwrap();
    assert_eq!((listed.partitions.len(), listed.partitions[0].assignment), (3, None));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_tell_the_same_and_stale_answers_need_no_quorum() {
    let [first, second, third] = three().await;
    let work = begin(&first).await;
    work.discover(&[("a", Some(5))], true).await;
    let run = RunTarget::Run(work.run);
    let views = async |node: &Node| {
        let client = node.client();
        let listed = client.list_runs(Some("orders"), None, FRESH).await.unwrap();
        (client.run(&run, FRESH).await.unwrap().summary.run, listed.len())
    };
    for node in [&first, &second, &third] {
        assert_eq!(views(node).await, (work.run, 1));
        let listed = node.client().run_partitions(&orders(), FRESH).await.unwrap();
        assert_eq!(listed.partitions.len(), 1);
    }
    second.stop().await;
    third.stop().await;
    let client = first.client().with_timeout(Duration::from_secs(2));
    assert_eq!(client.run(&orders(), STALE).await.unwrap().summary.run, work.run);
    assert_eq!(client.list_runs(None, None, STALE).await.unwrap().len(), 1);
    assert_eq!(client.run_partitions(&orders(), STALE).await.unwrap().partitions[0].records, Some(5));
    let unavailable = |error| assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    unavailable(client.run(&orders(), FRESH).await.unwrap_err());
    unavailable(client.list_runs(None, None, FRESH).await.unwrap_err());
    unavailable(client.run_partitions(&orders(), FRESH).await.unwrap_err());
    // What was sent and not answered may have been done.
    let error = client.pause_run(&orders()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. } | Error::Unanswered { .. }), "{error:?}");
    first.stop().await;
}

use etl_api::Kind;
use etl_api::model::{HealthStatus, LogChange, RunOptions, RunTarget};

use crate::site::{Node, refused, stop_all, three, workflow};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nodes_log_is_changed_by_any_of_them() {
    let nodes = three().await;
    let client = nodes[1].client();
    let filters = |logs: Vec<etl_api::model::NodeLog>| -> Vec<(u64, Option<String>)> {
        logs.into_iter().map(|log| (log.node, log.filter.map(|now| now.filter))).collect()
    };
    let ids: Vec<u64> = nodes.iter().map(|node| node.id).collect();
    let all = |filter: &str| ids.iter().map(|node| (*node, Some(filter.to_owned()))).collect::<Vec<_>>();
    assert_eq!(filters(client.log_filters(None).await.unwrap()), all("info"));
    let change = LogChange { filter: Some("debug".to_owned()), for_ms: None };
    assert_eq!(filters(client.change_log(None, &change).await.unwrap()), all("debug"));
    let back = LogChange { filter: None, for_ms: None };
    let one = filters(client.change_log(Some(ids[2]), &back).await.unwrap());
    assert_eq!(one, [(ids[2], Some("info".to_owned()))]);
    assert_eq!(
        filters(client.log_filters(Some(ids[1])).await.unwrap()),
        [(ids[1], Some("debug".to_owned()))]
    );
    let wrong = LogChange { filter: Some("wrong".to_owned()), for_ms: None };
    assert_eq!(refused(client.change_log(Some(ids[1]), &wrong).await).kind, Kind::Invalid);
    assert_eq!(refused(client.log_filters(Some(99_999)).await).kind, Kind::NotFound);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_told_by_any_node_for_all() {
    let nodes = three().await;
    let client = nodes[2].client();
    client.apply_workflow(&workflow("orders", 3), None).await.unwrap();
    client.run_workflow("orders", &RunOptions::default()).await.unwrap();
    client.pause_run(&RunTarget::from("orders")).await.unwrap();
    let report = client.health().await.unwrap();
    let of = |component: &str| -> Vec<(Option<u64>, HealthStatus)> {
        let checks = report.checks.iter().filter(|check| check.component == component);
        checks.map(|check| (check.node, check.status)).collect()
    };
    let each = |status| nodes.iter().map(|node| (Some(node.id), status)).collect::<Vec<_>>();
    assert_eq!(of("disk"), each(HealthStatus::Healthy), "{report:?}");
    assert_eq!(of("node"), each(HealthStatus::Healthy), "{report:?}");
    assert_eq!(of("consensus"), [(None, HealthStatus::Healthy)], "{report:?}");
    assert_eq!(of("workflow/orders"), [(None, HealthStatus::Degraded)], "{report:?}");
    assert_eq!(report.status, HealthStatus::Degraded);
    let sight = nodes[0].services.sight.clone();
    assert_eq!(sight.unready(), None);
    let own = sight.report().await;
    assert!(own.checks.iter().any(|check| check.component == "workflow/orders"), "{own:?}");
    client.drain_node(nodes[0].id).await.unwrap();
    assert!(sight.unready().is_some_and(|why| why.contains("drained")));
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spans_of_a_run_come_from_all_nodes() {
    let nodes = three().await;
    let client = nodes[1].client();
    client.apply_workflow(&workflow("orders", 3), None).await.unwrap();
    let run = client.run_workflow("orders", &RunOptions::default()).await.unwrap().run;
    for target in [RunTarget::from("orders"), RunTarget::Run(run)] {
        let trace = client.trace(&target).await.unwrap();
        assert_eq!((trace.run, trace.workflow.as_str()), (run, "orders"));
        let mut told: Vec<(u64, String)> =
            trace.spans.iter().map(|span| (span.node, span.name.clone())).collect();
        told.sort();
        let each: Vec<_> = nodes.iter().map(|node| (node.id, format!("read {run}"))).collect();
        assert_eq!(told, each);
        assert!(trace.silent.is_empty());
    }
    assert_eq!(refused(client.trace(&RunTarget::from("nothing")).await).kind, Kind::NotFound);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_alone_knows_that_it_is_alone() {
    let node = Node::found().await;
    let report = node.client().health().await.unwrap();
    assert_eq!(report.status, HealthStatus::Degraded, "{report:?}");
    assert!(report.checks.iter().any(|check| check.details.contains("votes alone")), "{report:?}");
    node.stop().await;
}

use std::time::{Duration, Instant};

use etl_api::model::{Consistency, Outcome, Severity};
use etl_api::{Detail, Kind};
use etl_proto::admin as wire;
use etl_proto::admin::admin_client::AdminClient as Stub;
use etl_raft::network::channel;
use etl_raft_state::limits::MAX_DOCUMENT;
use tonic::Code;

use crate::site::{Node, PlainDialer, refused, stop_all, three, workflow};

const FRESH: Consistency = Consistency::Linearizable;

fn stub(node: &Node) -> Stub<tonic::transport::Channel> {
    Stub::new(channel(std::sync::Arc::new(PlainDialer), node.admin.to_string()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_is_created_updated_left_alone_and_deleted() {
    let node = Node::found().await;
    let client = node.client();
    assert_eq!(client.list_workflows(FRESH).await.unwrap(), []);
    let (one, two) = (workflow("orders", 1), workflow("orders", 2));

    let planned = client.preview_workflow(&one, None).await.unwrap();
    assert_eq!((planned.outcome, planned.version), (Outcome::Created, 1));
    assert_eq!(client.list_workflows(FRESH).await.unwrap(), [], "a preview changes nothing");

    let created = client.apply_workflow(&one, Some(0)).await.unwrap();
    assert_eq!((created.outcome, created.version, created.previous_document), (Outcome::Created, 1, None));
    let same = client.apply_workflow(&one, None).await.unwrap();
    assert_eq!((same.outcome, same.version), (Outcome::Unchanged, 1));
    assert_eq!(same.previous_document.as_ref(), Some(&one));

    let planned = client.preview_workflow(&two, Some(1)).await.unwrap();
    assert_eq!((planned.outcome, planned.version), (Outcome::Updated, 2));
    assert_eq!(planned.previous_document.as_ref(), Some(&one));
    let updated = client.apply_workflow(&two, Some(1)).await.unwrap();
    assert_eq!((updated.outcome, updated.version, updated.name.as_str()), (Outcome::Updated, 2, "orders"));
    assert_eq!(updated.previous_document.as_ref(), Some(&one));

    let found = client.workflow("orders", None, FRESH).await.unwrap();
    assert_eq!((found.document.as_str(), found.summary.version), (two.as_str(), 2));
    assert_eq!(found.summary.hash.len(), 64);
    let older = client.workflow("orders", Some(1), FRESH).await.unwrap();
    assert_eq!(older.document, one);
    assert_ne!(older.summary.hash, found.summary.hash);
    let listed = client.list_workflows(FRESH).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&found.summary));
    let history = client.workflow_history("orders", FRESH).await.unwrap();
    assert_eq!(history, [found.summary.clone(), older.summary]);

    assert_eq!(client.delete_workflow("orders", Some(2)).await.unwrap(), 2);
    assert_eq!(client.list_workflows(FRESH).await.unwrap(), []);
    let history = client.workflow_history("orders", FRESH).await.unwrap();
    let shown: Vec<_> = history.iter().map(|version| (version.version, version.deleted)).collect();
    assert_eq!(shown, [(2, true), (2, false), (1, false)]);
    assert_eq!(client.workflow("orders", Some(1), FRESH).await.unwrap().document, one);
    let again = client.apply_workflow(&one, Some(0)).await.unwrap();
    assert_eq!((again.outcome, again.version), (Outcome::Created, 3), "numbers go on after a deletion");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_conflict_names_both_versions_and_changes_nothing() {
    let node = Node::found().await;
    let client = node.client();
    let (one, two) = (workflow("orders", 1), workflow("orders", 2));
    let conflict =
        |expected, actual| Some(Detail::VersionConflict { name: "orders".to_owned(), expected, actual });
    let refusal = refused(client.apply_workflow(&one, Some(3)).await);
    assert_eq!((refusal.kind, &refusal.detail), (Kind::Conflict, &conflict(3, 0)));
    client.apply_workflow(&one, None).await.unwrap();
    for expected in [0, 2] {
        let refusal = refused(client.apply_workflow(&two, Some(expected)).await);
        assert_eq!((refusal.kind, &refusal.detail), (Kind::Conflict, &conflict(expected, 1)));
        let refusal = refused(client.preview_workflow(&two, Some(expected)).await);
        assert_eq!((refusal.kind, &refusal.detail), (Kind::Conflict, &conflict(expected, 1)));
        let refusal = refused(client.delete_workflow("orders", Some(expected)).await);
        assert_eq!((refusal.kind, &refusal.detail), (Kind::Conflict, &conflict(expected, 1)));
    }
    assert_eq!(client.workflow("orders", None, FRESH).await.unwrap().document, one);
    let status = stub(&node)
        .apply_workflow(wire::ApplyWorkflowRequest {
            document: two,
            expected_version: Some(9),
            ..Default::default()
        })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_not_valid_is_answered_as_lint_does() {
    let node = Node::found().await;
    let client = node.client();
    let bad = workflow("orders", 1).replace("generate", "generat").replace("stdout }", "stdout, nme: x }");
    let linted = client.lint_workflow("orders.yaml", &bad).await.unwrap();
    assert_eq!(linted.name, None);
    let places: Vec<_> =
        linted.findings.iter().map(|found| (found.line, found.code.as_str(), found.severity)).collect();
    assert_eq!(places, [(3, "E041", Severity::Error), (5, "E012", Severity::Error)]);
    let first = linted.findings[0].to_string();
    assert!(first.starts_with("orders.yaml:3:19 E041 ") && first.contains("generate"), "{first}");
    assert!(linted.findings[0].snippet.as_ref().is_some_and(|line| line.contains("generat,")));

    for result in [client.apply_workflow(&bad, None).await, client.preview_workflow(&bad, None).await] {
        let refusal = refused(result);
        assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::Invalid, "invalid_workflow"));
        let Some(Detail::InvalidWorkflow { findings, omitted: 0 }) = refusal.detail else {
            panic!("{:?}", refusal.detail);
        };
        let told: Vec<_> =
            findings.iter().map(|found| (found.line, found.code.as_str(), found.severity)).collect();
        assert_eq!(told, places);
    }
    let good = client.lint_workflow("orders.yaml", &workflow("orders", 1)).await.unwrap();
    assert_eq!((good.name.as_deref(), good.findings.len()), (Some("orders"), 0));
    assert_eq!(client.list_workflows(FRESH).await.unwrap(), []);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_findings_than_a_trailer_holds_are_counted() {
    let node = Node::found().await;
    let client = node.client();
    let steps: String = (0..300).map(|n| format!("    - {{ type: unknown-{n} }}\n")).collect();
    let bad = workflow("orders", 1).replace(" []\n", &format!("\n{steps}"));
    let all = client.lint_workflow("w.yaml", &bad).await.unwrap().findings.len();
    assert!(all >= 300, "{all}");
    let refusal = refused(client.apply_workflow(&bad, None).await);
    let Some(Detail::InvalidWorkflow { findings, omitted }) = refusal.detail else { panic!("{refusal:?}") };
    assert!(
        omitted > 0 && findings.len() + omitted as usize == all,
        "{} + {omitted} of {all}",
        findings.len()
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sizes_are_limited_before_anything_is_done() {
    let node = Node::found().await;
    let client = node.client();
    let padded = |size: usize| {
        let document = workflow("orders", 1);
        let padding = size - document.len() - 2;
        format!("#{}\n{document}", "x".repeat(padding))
    };
    let fits = client.apply_workflow(&padded(MAX_DOCUMENT), None).await.unwrap();
    assert_eq!(fits.outcome, Outcome::Created);
    let refusal = refused(client.apply_workflow(&padded(MAX_DOCUMENT + 1), None).await);
    assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::Invalid, "too_large"));
    let refusal = refused(client.lint_workflow("w", &padded(MAX_DOCUMENT + 1)).await);
    assert_eq!(refusal.kind, Kind::Invalid);
    let refusal = refused(client.apply_workflow(&padded(3 << 20), None).await);
    assert_eq!(refusal.kind, Kind::Invalid, "a message that is not even read");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_so() {
    let node = Node::found().await;
    let client = node.client();
    let kind = |refusal: etl_api::Refusal| {
        assert!(refusal.help.is_some() || refusal.message.contains("exist"), "{refusal:?}");
        refusal.kind
    };
    assert_eq!(kind(refused(client.workflow("orders", None, FRESH).await)), Kind::NotFound);
    assert_eq!(kind(refused(client.workflow("orders", Some(1), FRESH).await)), Kind::NotFound);
    assert_eq!(kind(refused(client.workflow_history("orders", FRESH).await)), Kind::NotFound);
    assert_eq!(kind(refused(client.delete_workflow("orders", None).await)), Kind::NotFound);
    client.apply_workflow(&workflow("orders", 1), None).await.unwrap();
    let refusal = refused(client.workflow("orders", Some(7), FRESH).await);
    assert!(refusal.message.contains("no version 7"), "{refusal}");
    client.delete_workflow("orders", None).await.unwrap();
    assert_eq!(kind(refused(client.workflow("orders", None, FRESH).await)), Kind::NotFound);
    assert_eq!(kind(refused(client.delete_workflow("orders", None).await)), Kind::NotFound);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_makes_a_retry_act_once_on_whichever_node() {
    let nodes = three().await;
    let apply = |rows, id: u8| wire::ApplyWorkflowRequest {
        document: workflow("orders", rows),
        request_id: vec![id; 16].into(),
        with_previous: true,
        ..Default::default()
    };
    let first = stub(&nodes[0]).apply_workflow(apply(1, 1)).await.unwrap().into_inner();
    let between = stub(&nodes[1]).apply_workflow(apply(2, 2)).await.unwrap().into_inner();
    assert_eq!((first.version, between.version), (1, 2));
    assert_eq!(between.previous_document, workflow("orders", 1));
    for node in &nodes {
        let retried = stub(node).apply_workflow(apply(1, 1)).await.unwrap().into_inner();
        assert_eq!(retried, first, "the answer of the first time");
        let retried = stub(node).apply_workflow(apply(2, 2)).await.unwrap().into_inner();
        assert_eq!(retried, between);
    }
    assert_eq!(nodes[2].client().workflow("orders", None, FRESH).await.unwrap().summary.version, 2);
    let delete = wire::DeleteWorkflowRequest {
        name: "orders".to_owned(),
        expected_version: None,
        request_id: vec![3; 16].into(),
    };
    for node in &nodes {
        let deleted = stub(node).delete_workflow(delete.clone()).await.unwrap().into_inner();
        assert_eq!(deleted.version, 2);
    }
    let wrong = wire::DeleteWorkflowRequest { request_id: vec![3; 15].into(), ..delete };
    assert_eq!(stub(&nodes[0]).delete_workflow(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_is_over_ends_the_call() {
    // Without a leader a read waits for much longer.
    let node = Node::waiting().await;
    let mut request = tonic::Request::new(wire::ListWorkflowsRequest::default());
    request.set_timeout(Duration::from_millis(100));
    let started = Instant::now();
    let status = stub(&node).list_workflows(request).await.unwrap_err();
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    let status = stub(&node).list_workflows(wire::ListWorkflowsRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(started.elapsed() >= Duration::from_secs(8), "the deadline made the difference");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_see_a_write_at_once_and_stale_reads_need_no_quorum() {
    let [first, second, third] = three().await;
    for (rows, node) in [(1, &first), (2, &second), (3, &third)] {
        let applied = node.client().apply_workflow(&workflow("orders", rows), None).await.unwrap();
        for reader in [&first, &second, &third] {
            let found = reader.client().workflow("orders", None, FRESH).await.unwrap();
            assert_eq!((found.summary.version, found.document), (applied.version, workflow("orders", rows)));
        }
    }
    second.stop().await;
    third.stop().await;
    let stale = first.client().workflow("orders", None, Consistency::Stale).await.unwrap();
    assert_eq!(stale.summary.version, 3);
    let names: Vec<_> = first.client().list_workflows(Consistency::Stale).await.unwrap();
    assert_eq!(names.len(), 1);
    assert_eq!(first.client().workflow_history("orders", Consistency::Stale).await.unwrap().len(), 3);
    let impatient = first.client().with_timeout(Duration::from_secs(2));
    let error = impatient.workflow("orders", None, FRESH).await.unwrap_err();
    assert!(matches!(error, etl_api::Error::Unavailable { .. }), "{error:?}");
    let error = impatient.apply_workflow(&workflow("orders", 4), None).await.unwrap_err();
    assert!(
        matches!(error, etl_api::Error::Unanswered { .. } | etl_api::Error::Unavailable { .. }),
        "{error:?}"
    );
    first.stop().await;
}

use etl_raft_state::command::{DeleteWorkflow, FinishRun, PutWorkflow};
use etl_raft_state::limits::{MAX_DOCUMENT, VERSIONS_KEPT};
use etl_raft_state::{Kind, PutOutcome, Rejection, Response, RunOutcome};

use crate::schedules::schedule;
use crate::world::{World, hash, put};

fn conflict(expected: u64, actual: u64) -> Rejection {
    Rejection::VersionConflict { kind: Kind::Workflow, name: "orders".to_owned(), expected, actual }
}

fn delete(expected_version: Option<u64>) -> DeleteWorkflow {
    DeleteWorkflow { name: "orders".to_owned(), expected_version }
}

#[test]
fn applying_creates_updates_or_leaves_unchanged() {
    let mut world = World::founded();
    assert_eq!(world.put("orders", "one"), (1, PutOutcome::Created));
    assert_eq!(world.put("orders", "one"), (1, PutOutcome::Unchanged));
    world.time_ms += 1000;
    assert_eq!(world.put("orders", "two"), (2, PutOutcome::Updated));
    assert_eq!(world.put("orders", "one"), (3, PutOutcome::Updated), "back to an earlier document");

    let workflows = world.state.workflows();
    let current = workflows.get("orders").unwrap();
    assert_eq!((current.version, current.hash, current.changed_at_ms), (3, hash("one"), world.time_ms));
    assert_eq!(workflows.document(&current.hash), Some("one"));
    let history: Vec<u64> = workflows.history("orders").map(|version| version.version).collect();
    assert_eq!(history, [3, 2, 1]);
    assert_eq!(workflows.version("orders", 2).unwrap().hash, hash("two"));
    assert_eq!(workflows.version("orders", 4), None);
}

#[test]
fn another_version_than_the_expected_one_is_refused() {
    let mut world = World::founded();
    assert_eq!(world.refused(put("orders", "one", Some(1))), conflict(1, 0));
    world.ok(put("orders", "one", Some(0)));
    assert_eq!(world.refused(put("orders", "two", Some(0))), conflict(0, 1));
    assert_eq!(world.refused(put("orders", "one", Some(0))), conflict(0, 1), "also the same document");
    world.ok(put("orders", "two", Some(1)));
    assert_eq!(world.refused(delete(Some(1))), conflict(1, 2));
    assert_eq!(world.send(delete(Some(2))), Response::WorkflowDeleted { version: 2 });
}

#[test]
fn versions_go_on_after_deletion() {
    let mut world = World::founded();
    world.put("orders", "one");
    world.put("orders", "two");
    world.ok(delete(None));
    let workflows = world.state.workflows();
    assert_eq!((workflows.get("orders"), workflows.current_version("orders")), (None, 0));
    assert_eq!(workflows.iter().count(), 0);
    assert_eq!(workflows.deleted_at_ms("orders"), Some(world.time_ms));
    assert_eq!(workflows.history("orders").count(), 2, "what was there stays readable");
    assert_eq!(
        world.refused(delete(None)),
        Rejection::NotFound { kind: Kind::Workflow, name: "orders".to_owned() }
    );
    world.ok(put("orders", "two", Some(0)));
    assert_eq!(world.state.workflows().current_version("orders"), 3);
    assert_eq!(world.state.workflows().deleted_at_ms("orders"), None);
}

#[test]
fn a_name_does_not_find_its_neighbours() {
    let mut world = World::founded();
    world.put("orders-2", "two");
    assert_eq!(world.state.workflows().get("orders"), None);
    assert_eq!(world.state.workflows().history("orders").count(), 0);
    let names: Vec<String> = world.state.workflows().iter().map(|w| w.name.to_owned()).collect();
    assert_eq!(names, ["orders-2"]);
}

#[test]
fn the_last_versions_are_kept_and_documents_go_with_the_last_that_refers_to_them() {
    let mut world = World::founded();
    world.put("other", "shared");
    world.put("orders", "shared");
    for number in 1..=VERSIONS_KEPT {
        world.put("orders", &format!("version {number}"));
    }
    let workflows = world.state.workflows();
    assert_eq!(workflows.history("orders").count() as u64, VERSIONS_KEPT);
    assert_eq!(workflows.version("orders", 1), None);
    assert_eq!(workflows.document(&hash("shared")), Some("shared"), "the other workflow needs it");
    assert_eq!(workflows.document(&hash("version 1")), Some("version 1"));
    world.put("orders", "one more");
    assert_eq!(world.state.workflows().document(&hash("version 1")), None);
}

#[test]
fn a_running_version_keeps_its_document() {
    let mut world = World::founded();
    world.put("orders", "running");
    let run = world.run("orders", 1);
    for number in 0..=VERSIONS_KEPT {
        world.put("orders", &format!("version {number}"));
    }
    assert_eq!(world.state.workflows().version("orders", 1), None);
    assert_eq!(world.state.workflows().document(&hash("running")), Some("running"));
    world.ok(FinishRun { run, outcome: RunOutcome::Failed { message: String::new() }, by: None });
    assert_eq!(world.state.workflows().document(&hash("running")), None);
}

#[test]
fn a_document_is_what_its_hash_says() {
    let mut world = World::founded();
    world.put("orders", "one");
    let forged = PutWorkflow { hash: hash("one"), ..put("orders", "two", None) };
    assert_eq!(world.refused(forged), Rejection::HashConflict { hash: hash("one") });
}

#[test]
fn bad_names_and_large_documents_are_refused() {
    let mut world = World::founded();
    for bad in ["", "Orders", "a b", "a/b", "é"] {
        assert!(matches!(world.refused(put(bad, "x", None)), Rejection::Invalid { .. }), "{bad}");
    }
    let long = "x".repeat(129);
    assert!(matches!(world.refused(put(&long, "x", None)), Rejection::TooLarge { .. }));
    let large = "x".repeat(MAX_DOCUMENT + 1);
    assert!(matches!(world.refused(put("orders", &large, None)), Rejection::TooLarge { .. }));
    let largest = "x".repeat(MAX_DOCUMENT);
    assert_eq!(world.put("orders", &largest), (1, PutOutcome::Created));
    assert!(world.state.rows().all(|(_, value)| value.len() < 32 * 1024));
}

#[test]
fn a_workflow_that_runs_is_not_deleted() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let refusal = Rejection::RunNotFinished { workflow: "orders".to_owned(), run };
    assert_eq!(world.refused(delete(None)), refusal);
    world.ok(FinishRun { run, outcome: RunOutcome::Cancelled, by: None });
    world.ok(delete(None));
}

#[test]
fn schedules_go_with_their_workflow() {
    let mut world = World::founded();
    world.put("orders", "one");
    world.put("other", "one");
    world.ok(schedule("nightly", "orders"));
    world.ok(schedule("weekly", "other"));
    world.ok(delete(None));
    let names: Vec<&str> = world.state.schedules().iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["weekly"]);
}

use std::time::{SystemTime, UNIX_EPOCH};

use etl_api::Kind;
use etl_api::model::{Consistency, Outcome};
use etl_raft_state::parts::{CatchUp, Overlap, Schedule};

use crate::site::{Node, refused, stop_all, three, workflow};

const FRESH: Consistency = Consistency::Linearizable;
const HOUR_MS: u64 = 60 * 60 * 1000;

fn scheduled(rows: u64, settings: &str) -> String {
    workflow("orders", rows).replace("  source:", &format!("  {settings}\n  source:"))
}

async fn schedule(node: &Node) -> Option<Schedule> {
    node.consensus.read(|state| state.schedules().get("orders").cloned()).await.unwrap()
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_is_stored_with_its_workflow_and_goes_with_it() {
    let node = Node::found().await;
    let client = node.client();
    let next = async || {
        let listed = client.list_workflows(FRESH).await.unwrap();
        let found = client.workflow("orders", None, FRESH).await.unwrap().summary;
        assert_eq!(listed, std::slice::from_ref(&found));
        found.next_tick_ms
    };
    let before = now_ms();
    let hourly = scheduled(1, "schedule: 30 * * * *");
    client.preview_workflow(&hourly, None).await.unwrap();
    assert_eq!(schedule(&node).await, None, "a preview changes nothing");
    client.apply_workflow(&hourly, Some(0)).await.unwrap();
    let known = schedule(&node).await.unwrap();
    let tick = known.next_fire_ms;
    assert!(tick > before && tick <= now_ms() + HOUR_MS && tick % HOUR_MS == HOUR_MS / 2, "{tick}");
    assert_eq!((known.cron.as_str(), known.timezone.as_str()), ("30 * * * *", "UTC"));
    assert_eq!((known.overlap, known.catch_up, known.pinned), (Overlap::Skip, CatchUp::One, None));
    assert_eq!(next().await, Some(tick));

    let refusal = refused(client.apply_workflow(&scheduled(2, "schedule: '@daily'"), Some(7)).await);
    assert_eq!(refusal.kind, Kind::Conflict);
    assert_eq!(schedule(&node).await, Some(known), "the schedule is guarded like the document");

    let settings = "{schedule: '@yearly', timezone: Asia/Tokyo, overlap: replace, catch_up: all}";
    let settings = settings.trim_matches(['{', '}']).replace(", ", "\n  ");
    client.apply_workflow(&scheduled(2, &settings), Some(1)).await.unwrap();
    let known = schedule(&node).await.unwrap();
    assert_eq!((known.cron.as_str(), known.timezone.as_str()), ("@yearly", "Asia/Tokyo"));
    assert_eq!((known.overlap, known.catch_up), (Overlap::Replace, CatchUp::All));
    assert_eq!(next().await, Some(known.next_fire_ms));
    let older = client.workflow("orders", Some(1), FRESH).await.unwrap();
    assert_eq!(older.summary.next_tick_ms, None, "that version is not in force");

    client.apply_workflow(&workflow("orders", 3), Some(2)).await.unwrap();
    assert_eq!((schedule(&node).await, next().await), (None, None));
    client.apply_workflow(&hourly, Some(3)).await.unwrap();
    assert!(next().await.is_some());
    let history = client.workflow_history("orders", FRESH).await.unwrap();
    assert!(history.iter().all(|version| version.next_tick_ms.is_none()));
    client.delete_workflow("orders", None).await.unwrap();
    assert_eq!(schedule(&node).await, None);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_that_cannot_be_kept_is_refused() {
    let node = Node::found().await;
    let client = node.client();
    for settings in ["schedule: 0 25 * * *", "schedule: 0 0 30 feb *", "timezone: UTC"] {
        let refusal = refused(client.apply_workflow(&scheduled(1, settings), None).await);
        assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::Invalid, "invalid_workflow"), "{settings}");
    }
    assert_eq!(client.list_workflows(FRESH).await.unwrap(), []);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schedule_of_a_local_workflow_is_tied_to_the_node_that_was_asked() {
    let nodes = three().await;
    let local = |rows| scheduled(rows, "description: local\n  schedule: '@daily'");
    let pinned = async || schedule(&nodes[0]).await.and_then(|schedule| schedule.pinned);
    nodes[1].client().apply_workflow(&local(1), None).await.unwrap();
    assert_eq!(pinned().await, Some(nodes[1].id));
    let same = nodes[2].client().apply_workflow(&local(1), None).await.unwrap();
    assert_eq!((same.outcome, pinned().await), (Outcome::Unchanged, Some(nodes[1].id)));
    nodes[2].client().apply_workflow(&local(2), None).await.unwrap();
    assert_eq!(pinned().await, Some(nodes[2].id));
    nodes[2].client().apply_workflow(&scheduled(2, "schedule: '@daily'"), None).await.unwrap();
    assert_eq!(pinned().await, None);
    stop_all(nodes).await;
}

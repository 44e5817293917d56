use etl_raft_state::command::{DeleteSchedule, FinishRun, FireSchedule, PutSchedule};
use etl_raft_state::parts::{CatchUp, Overlap, RunPhase};
use etl_raft_state::{Fired, Kind, Rejection, Response, RunOutcome};
use uuid::Uuid;

use crate::world::World;

const TICK: u64 = 1_700_000_000_000;

pub fn schedule(name: &str, workflow: &str) -> PutSchedule {
    PutSchedule {
        name: name.to_owned(),
        workflow: workflow.to_owned(),
        cron: "0 2 * * *".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        overlap: Overlap::Skip,
        catch_up: CatchUp::One,
        next_fire_ms: TICK,
        expected_version: None,
    }
}

fn fire(at: u64, run: u128) -> FireSchedule {
    FireSchedule {
        name: "nightly".to_owned(),
        expected_next_fire_ms: at,
        next_fire_ms: at + 1000,
        run: Uuid::from_u128(run),
    }
}

fn scheduled(overlap: Overlap) -> World {
    let mut world = World::founded();
    world.put("orders", "one");
    world.ok(PutSchedule { overlap, ..schedule("nightly", "orders") });
    world.time_ms = TICK + 100_000;
    world
}

fn conflict(expected: u64, actual: u64) -> Rejection {
    Rejection::VersionConflict { kind: Kind::Schedule, name: "nightly".to_owned(), expected, actual }
}

fn not_found() -> Rejection {
    Rejection::NotFound { kind: Kind::Schedule, name: "nightly".to_owned() }
}

#[test]
fn a_schedule_has_the_version_of_its_entry() {
    let mut world = World::founded();
    world.put("orders", "one");
    let guarded =
        |expected| PutSchedule { expected_version: Some(expected), ..schedule("nightly", "orders") };
    assert_eq!(world.refused(guarded(1)), conflict(1, 0));
    let first = world.index;
    assert_eq!(world.send(guarded(0)), Response::Stored { version: first });
    assert_eq!(world.refused(guarded(0)), conflict(0, first));
    let second = world.index;
    assert_eq!(world.send(guarded(first)), Response::Stored { version: second });

    let delete = |expected| DeleteSchedule { name: "nightly".to_owned(), expected_version: expected };
    assert_eq!(world.refused(delete(Some(first))), conflict(first, second));
    assert_eq!(world.send(delete(Some(second))), Response::Done);
    assert_eq!(world.refused(delete(None)), not_found());
}

#[test]
fn a_schedule_needs_a_name_and_a_workflow() {
    let mut world = World::founded();
    let kind = Kind::Workflow;
    assert_eq!(
        world.refused(schedule("nightly", "orders")),
        Rejection::NotFound { kind, name: "orders".to_owned() }
    );
    world.put("orders", "one");
    assert!(matches!(world.refused(schedule("Nightly", "orders")), Rejection::Invalid { .. }));
    let long = "*".repeat(257);
    for bad in [
        PutSchedule { cron: long.clone(), ..schedule("nightly", "orders") },
        PutSchedule { timezone: long.clone(), ..schedule("nightly", "orders") },
    ] {
        assert!(matches!(world.refused(bad), Rejection::TooLarge { .. }));
    }
}

#[test]
fn a_tick_fires_once() {
    let mut world = scheduled(Overlap::Skip);
    assert_eq!(world.send(fire(TICK, 1)), Response::Fired(Fired::Started));
    let again = fire(TICK, 2);
    assert_eq!(
        world.refused(again),
        Rejection::NextFireConflict { schedule: "nightly".to_owned(), expected: TICK, actual: TICK + 1000 }
    );
    let run = world.state.runs().get(Uuid::from_u128(1)).unwrap();
    assert_eq!((run.schedule.as_deref(), run.version), (Some("nightly"), 1));
    assert_eq!(run.phase, RunPhase::Running);
    let schedule = world.state.schedules().get("nightly").unwrap();
    assert_eq!((schedule.next_fire_ms, schedule.last_run), (TICK + 1000, Some(Uuid::from_u128(1))));
}

#[test]
fn a_tick_is_due_and_moves_forward_to_a_new_run() {
    let mut world = scheduled(Overlap::Skip);
    world.time_ms = TICK + 100_000;
    let unknown = FireSchedule { name: "other".to_owned(), ..fire(TICK, 1) };
    assert_eq!(
        world.refused(unknown),
        Rejection::NotFound { kind: Kind::Schedule, name: "other".to_owned() }
    );
    for next_fire_ms in [TICK, TICK - 1] {
        let stuck = FireSchedule { next_fire_ms, ..fire(TICK, 1) };
        assert!(matches!(world.refused(stuck), Rejection::Invalid { .. }));
    }
    let run = world.run("orders", 5);
    assert_eq!(world.refused(fire(TICK, 5)), Rejection::RunExists { run });

    let late = TICK + 1_000_000;
    world.ok(PutSchedule { next_fire_ms: late, ..schedule("nightly", "orders") });
    assert_eq!(
        world.refused(fire(late, 1)),
        Rejection::NotDue { schedule: "nightly".to_owned(), next_fire_ms: late }
    );
}

#[test]
fn skip_leaves_the_running_run_alone() {
    let mut world = scheduled(Overlap::Skip);
    let running = world.run("orders", 9);
    assert_eq!(world.send(fire(TICK, 1)), Response::Fired(Fired::Skipped { running }));
    assert_eq!(world.state.runs().get(Uuid::from_u128(1)), None);
    let schedule = world.state.schedules().get("nightly").unwrap();
    assert_eq!((schedule.next_fire_ms, schedule.last_run), (TICK + 1000, None), "the tick is used up");
}

#[test]
fn queue_waits_for_the_running_run() {
    let mut world = scheduled(Overlap::Queue);
    let running = world.run("orders", 9);
    let waiting = Uuid::from_u128(1);
    assert_eq!(world.send(fire(TICK, 1)), Response::Fired(Fired::Queued));
    assert_eq!(world.state.runs().queued("orders"), Some(waiting));
    assert_eq!(
        world.send(fire(TICK + 1000, 2)),
        Response::Fired(Fired::Skipped { running }),
        "one that waits does the work of both"
    );
    world.complete(running);
    assert_eq!(world.state.runs().active("orders"), Some(waiting));
    assert_eq!(world.state.runs().queued("orders"), None);
    world.complete(waiting);
    assert_eq!(world.state.runs().active("orders"), None);
}

#[test]
fn a_waiting_run_can_be_cancelled() {
    let mut world = scheduled(Overlap::Queue);
    let running = world.run("orders", 9);
    world.ok(fire(TICK, 1));
    world.ok(FinishRun { run: Uuid::from_u128(1), outcome: RunOutcome::Cancelled, by: None });
    assert_eq!(world.state.runs().queued("orders"), None);
    assert_eq!(world.state.runs().active("orders"), Some(running));
}

#[test]
fn replace_takes_the_place_of_the_running_run() {
    let mut world = scheduled(Overlap::Replace);
    let replaced = world.run("orders", 9);
    assert_eq!(world.send(fire(TICK, 1)), Response::Fired(Fired::Replaced { replaced }));
    let by = Uuid::from_u128(1);
    assert_eq!(world.state.runs().active("orders"), Some(by));
    let ended = world.state.runs().get(replaced).unwrap();
    assert_eq!(ended.phase, RunPhase::Finished(RunOutcome::Replaced { by }));
}

#[test]
fn a_new_definition_keeps_the_last_run() {
    let mut world = scheduled(Overlap::Skip);
    world.ok(fire(TICK, 1));
    world.ok(PutSchedule { cron: "@hourly".to_owned(), ..schedule("nightly", "orders") });
    assert_eq!(world.state.schedules().get("nightly").unwrap().last_run, Some(Uuid::from_u128(1)));
}

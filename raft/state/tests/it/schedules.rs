use etl_raft_state::command::{
    DeleteSchedule, DeleteWorkflow, FinishRun, FireSchedule, HaltRun, PutSchedule, PutWorkflow, SkipTicks,
    WorkflowSchedule,
};
use etl_raft_state::parts::{CatchUp, Halt, Overlap, RunPhase, Schedule};
use etl_raft_state::{Fired, Kind, NodeState, PutOutcome, Rejection, Response, RunOutcome};
use uuid::Uuid;

use crate::world::{World, put};

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
        pinned: None,
        hosts: Default::default(),
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

#[test]
fn ticks_that_are_left_out_are_used_up_without_a_run() {
    let mut world = scheduled(Overlap::Replace);
    let skip = |at: u64, next: u64| SkipTicks {
        name: "nightly".to_owned(),
        expected_next_fire_ms: at,
        next_fire_ms: next,
    };
    let unknown = SkipTicks { name: "other".to_owned(), ..skip(TICK, TICK + 1) };
    let missing = Rejection::NotFound { kind: Kind::Schedule, name: "other".to_owned() };
    assert_eq!(world.refused(unknown), missing);
    assert!(matches!(world.refused(skip(TICK, TICK)), Rejection::Invalid { .. }));
    assert_eq!(world.send(skip(TICK, TICK + 200_000)), Response::Done);
    let schedule = world.state.schedules().get("nightly").unwrap();
    assert_eq!((schedule.next_fire_ms, schedule.last_run), (TICK + 200_000, None));
    assert_eq!(world.state.runs().iter().count(), 0);
    let conflict = Rejection::NextFireConflict {
        schedule: "nightly".to_owned(),
        expected: TICK,
        actual: TICK + 200_000,
    };
    assert_eq!(world.refused(skip(TICK, TICK + 300_000)), conflict);
    assert_eq!(world.refused(fire(TICK, 1)), conflict, "what was left out does not fire afterwards");
    let early = world.refused(skip(TICK + 200_000, TICK + 300_000));
    assert_eq!(early, Rejection::NotDue { schedule: "nightly".to_owned(), next_fire_ms: TICK + 200_000 });
}

#[test]
fn the_run_of_a_tick_is_tied_to_the_node_that_has_the_files() {
    let mut world = World::founded();
    world.put("orders", "one");
    let pinned = |node| PutSchedule { pinned: Some(node), ..schedule("nightly", "orders") };
    assert_eq!(world.refused(pinned(9)), Rejection::UnknownNode { node: 9 });
    let node = world.node_up(2);
    world.ok(PutSchedule { overlap: Overlap::Replace, ..pinned(node) });
    world.time_ms = TICK + 100_000;
    world.ok(fire(TICK, 1));
    let run = world.state.runs().get(Uuid::from_u128(1)).unwrap();
    assert_eq!((run.pinned, &run.phase), (Some(node), &RunPhase::Running));

    world.set_state(node, NodeState::Up, NodeState::Down);
    world.ok(fire(TICK + 1000, 2));
    let run = world.state.runs().get(Uuid::from_u128(2)).unwrap();
    assert_eq!((run.pinned, &run.phase), (Some(node), &RunPhase::Running), "it waits for the node");

    world.set_state(node, NodeState::Down, NodeState::Removed);
    world.ok(fire(TICK + 2000, 3));
    let run = world.state.runs().get(Uuid::from_u128(3)).unwrap();
    let RunPhase::Halted(Halt::Failed { message }) = &run.phase else { panic!("{run:?}") };
    assert!(message.contains(&format!("node {node}")) && message.contains("apply"), "{message}");
}

fn nightly() -> WorkflowSchedule {
    WorkflowSchedule {
        cron: "0 2 * * *".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        overlap: Overlap::Skip,
        catch_up: CatchUp::One,
        next_fire_ms: TICK,
        pinned: None,
        hosts: Default::default(),
    }
}

fn scheduled_put(text: &str, schedule: Option<WorkflowSchedule>) -> PutWorkflow {
    PutWorkflow { schedule, ..put("orders", text, None) }
}

fn of_orders(world: &World) -> Option<Schedule> {
    world.state.schedules().get("orders").cloned()
}

#[test]
fn a_schedule_comes_and_goes_with_the_document() {
    let mut world = World::founded();
    world.put("other", "other");
    world.ok(schedule("elsewhere", "other"));
    world.ok(scheduled_put("one", Some(nightly())));
    let known = of_orders(&world).unwrap();
    assert_eq!((known.workflow.as_str(), known.next_fire_ms, known.last_run), ("orders", TICK, None));

    let refused = PutWorkflow { expected_version: Some(7), ..scheduled_put("two", None) };
    assert!(matches!(world.refused(refused), Rejection::VersionConflict { .. }));
    assert_eq!(of_orders(&world), Some(known));
    for wrong in [
        WorkflowSchedule { cron: "*".repeat(257), ..nightly() },
        WorkflowSchedule { timezone: "*".repeat(257), ..nightly() },
    ] {
        let refused = world.refused(scheduled_put("two", Some(wrong)));
        assert!(matches!(refused, Rejection::TooLarge { .. }), "{refused}");
    }
    world.ok(scheduled_put("two", None));
    assert_eq!(of_orders(&world), None);
    world.ok(scheduled_put("three", Some(nightly())));
    world.ok(DeleteWorkflow { name: "orders".to_owned(), expected_version: None });
    assert_eq!(of_orders(&world), None);
    assert!(world.state.schedules().get("elsewhere").is_some());
}

#[test]
fn a_new_version_fires_no_tick_again_and_forgets_none() {
    let mut world = World::founded();
    world.ok(scheduled_put("one", Some(nightly())));
    world.time_ms = TICK + 100_000;
    world.ok(FireSchedule { name: "orders".to_owned(), ..fire(TICK, 1) });
    let fired = of_orders(&world).unwrap();

    // Whoever applies has a clock that is slow.
    world.ok(scheduled_put("two", Some(nightly())));
    assert_eq!(of_orders(&world).unwrap(), fired);
    let later = WorkflowSchedule { overlap: Overlap::Queue, next_fire_ms: TICK + 900_000, ..nightly() };
    world.ok(scheduled_put("three", Some(later)));
    let known = of_orders(&world).unwrap();
    assert_eq!((known.next_fire_ms, known.last_run), (TICK + 1000, Some(Uuid::from_u128(1))));
    assert_eq!(known.overlap, Overlap::Queue);

    let hourly = WorkflowSchedule { cron: "@hourly".to_owned(), next_fire_ms: TICK + 5, ..nightly() };
    world.ok(scheduled_put("four", Some(hourly)));
    let known = of_orders(&world).unwrap();
    assert_eq!((known.next_fire_ms, known.last_run), (TICK + 5, Some(Uuid::from_u128(1))));
}

#[test]
fn the_same_document_may_mean_another_schedule() {
    let mut world = World::founded();
    let [second, third] = [2, 3].map(|number| world.node_up(number));
    let local = |node| WorkflowSchedule { pinned: Some(node), ..nightly() };
    let unknown = scheduled_put("one", Some(local(99)));
    assert_eq!(world.refused(unknown), Rejection::UnknownNode { node: 99 });
    world.ok(scheduled_put("one", Some(local(second))));
    let first = of_orders(&world).unwrap();
    let same = world.ok(scheduled_put("one", Some(local(third))));
    assert_eq!(same, Response::WorkflowPut { version: 1, outcome: PutOutcome::Unchanged });
    assert_eq!(of_orders(&world).unwrap(), first, "it stays where its files were");
    // The expression is a variable of the node that was asked.
    world.ok(scheduled_put("one", Some(WorkflowSchedule { cron: "@hourly".to_owned(), ..local(third) })));
    let known = of_orders(&world).unwrap();
    assert_eq!((known.cron.as_str(), known.pinned), ("@hourly", Some(second)));
    world.ok(scheduled_put("two", Some(local(third))));
    assert_eq!(of_orders(&world).unwrap().pinned, Some(third));
    world.set_state(third, NodeState::Up, NodeState::Down);
    world.set_state(third, NodeState::Down, NodeState::Removed);
    world.ok(scheduled_put("two", Some(local(second))));
    assert_eq!(of_orders(&world).unwrap().pinned, Some(second), "the other is gone for good");
}

#[test]
fn the_hosts_of_steps_stay_as_long_as_the_document_does() {
    let mut world = World::founded();
    let [second, third] = [2, 3].map(|number| world.node_up(number));
    let hosted = |node| WorkflowSchedule { hosts: [("sink".to_owned(), node)].into(), ..nightly() };
    let host = |world: &World| of_orders(world).unwrap().hosts["sink"];
    assert_eq!(world.refused(scheduled_put("one", Some(hosted(99)))), Rejection::UnknownNode { node: 99 });
    world.ok(scheduled_put("one", Some(hosted(second))));
    world.ok(scheduled_put("one", Some(hosted(third))));
    assert_eq!(host(&world), second, "its files are there");
    world.ok(scheduled_put("two", Some(hosted(third))));
    assert_eq!(host(&world), third);
    let due = of_orders(&world).unwrap().next_fire_ms;
    world.set_state(third, NodeState::Up, NodeState::Down);
    world.set_state(third, NodeState::Down, NodeState::Removed);
    world.time_ms = due;
    let run = Uuid::from_u128(7);
    world.ok(FireSchedule {
        name: "orders".to_owned(),
        expected_next_fire_ms: due,
        next_fire_ms: due + 1,
        run,
    });
    let phase = &world.state.runs().get(run).unwrap().phase;
    let RunPhase::Halted(Halt::Failed { message }) = phase else { panic!("{phase:?}") };
    assert!(message.contains(&format!("node {third},")) && message.contains("placement"), "{message}");
}

#[test]
fn a_run_that_has_failed_goes_on_with_the_next_tick() {
    for overlap in [Overlap::Skip, Overlap::Queue] {
        let mut world = scheduled(overlap);
        let run = world.run("orders", 9);
        let fail = HaltRun { run, halt: Halt::Failed { message: "disk full".to_owned() }, by: None };
        world.ok(fail.clone());
        assert_eq!(world.send(fire(TICK, 1)), Response::Fired(Fired::Continued { run }));
        assert_eq!(world.state.runs().get(run).unwrap().phase, RunPhase::Running);
        assert_eq!(world.state.runs().get(Uuid::from_u128(1)), None);
        let schedule = world.state.schedules().get("nightly").unwrap();
        assert_eq!((schedule.next_fire_ms, schedule.last_run), (TICK + 1000, Some(run)));

        // Whether another version may go on where this one was is for somebody to say.
        world.ok(fail);
        world.put("orders", "two");
        let is_skipped = Response::Fired(Fired::Skipped { running: run });
        let expected = if overlap == Overlap::Skip { is_skipped } else { Response::Fired(Fired::Queued) };
        assert_eq!(world.send(fire(TICK + 1000, 2)), expected);
        assert!(world.state.runs().get(run).unwrap().is_halted());
    }
}

#[test]
fn a_failed_run_does_not_go_on_when_it_is_replaced_paused_or_has_lost_its_node() {
    let mut world = scheduled(Overlap::Replace);
    let replaced = world.run("orders", 9);
    world.ok(HaltRun { run: replaced, halt: Halt::Failed { message: "disk full".to_owned() }, by: None });
    assert_eq!(world.send(fire(TICK, 1)), Response::Fired(Fired::Replaced { replaced }));

    let mut world = scheduled(Overlap::Skip);
    let running = world.run("orders", 9);
    world.ok(HaltRun { run: running, halt: Halt::Paused, by: None });
    assert_eq!(world.send(fire(TICK, 1)), Response::Fired(Fired::Skipped { running }));

    let mut world = scheduled(Overlap::Skip);
    let node = world.node_up(2);
    world.ok(PutSchedule { pinned: Some(node), ..schedule("nightly", "orders") });
    world.set_state(node, NodeState::Up, NodeState::Down);
    world.set_state(node, NodeState::Down, NodeState::Removed);
    world.ok(fire(TICK, 1));
    let running = Uuid::from_u128(1);
    assert!(world.state.runs().get(running).unwrap().is_halted());
    assert_eq!(world.send(fire(TICK + 1000, 2)), Response::Fired(Fired::Skipped { running }));
}

#[test]
fn a_run_knows_the_tick_it_is_about() {
    let mut world = scheduled(Overlap::Queue);
    world.ok(fire(TICK, 1));
    world.ok(fire(TICK + 1000, 2));
    let about = |run| world.state.runs().get(Uuid::from_u128(run)).map(|run| (run.tick_ms, run.about_ms()));
    assert_eq!(about(1), Some((Some(TICK), TICK)), "not when it was fired");
    assert_eq!(about(2), Some((Some(TICK + 1000), TICK + 1000)), "also when it waits");
}

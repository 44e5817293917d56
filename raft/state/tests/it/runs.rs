use etl_raft_state::command::{FinishRun, StartRun};
use etl_raft_state::limits::RUNS_KEPT;
use etl_raft_state::parts::RunPhase;
use etl_raft_state::{Kind, Rejection, Response, RunOutcome, State};
use uuid::Uuid;

use crate::checkpoints::advance;
use crate::world::{World, partition};

fn start(run: u128) -> StartRun {
    crate::world::start(Uuid::from_u128(run), "orders")
}

fn finish(run: u128, outcome: RunOutcome) -> FinishRun {
    FinishRun { run: Uuid::from_u128(run), outcome, by: None }
}

fn failed(message: &str) -> RunOutcome {
    RunOutcome::Failed { message: message.to_owned() }
}

#[test]
fn a_run_needs_its_workflow_in_the_expected_version() {
    let mut world = World::founded();
    assert_eq!(
        world.refused(start(1)),
        Rejection::NotFound { kind: Kind::Workflow, name: "orders".to_owned() }
    );
    world.put("orders", "one");
    world.put("orders", "two");
    let old = StartRun { expected_version: Some(1), ..start(1) };
    assert_eq!(
        world.refused(old),
        Rejection::VersionConflict {
            kind: Kind::Workflow,
            name: "orders".to_owned(),
            expected: 1,
            actual: 2
        }
    );
    assert_eq!(world.send(start(1)), Response::RunStarted { version: 2 });
    world.put("orders", "three");
    assert_eq!(world.send(start(1)), Response::RunStarted { version: 2 }, "the same again");
}

#[test]
fn a_workflow_has_one_running_run() {
    let mut world = World::founded();
    let first = world.run("orders", 1);
    let conflict =
        |expected, actual| Rejection::RunConflict { workflow: "orders".to_owned(), expected, actual };
    assert_eq!(world.refused(start(2)), conflict(None, Some(first)));
    let wrong = Some(Uuid::from_u128(9));
    assert_eq!(world.refused(StartRun { replaces: wrong, ..start(2) }), conflict(wrong, Some(first)));

    world.assign(&partition(first, "a"), 1);
    world.ok(StartRun { replaces: Some(first), ..start(2) });
    let by = Uuid::from_u128(2);
    assert_eq!(world.state.runs().get(first).unwrap().phase, RunPhase::Finished(RunOutcome::Replaced { by }));
    assert_eq!(world.state.assignments().of_run(first).count(), 0);
    assert_eq!(world.state.runs().active("orders"), Some(by));

    world.ok(finish(2, RunOutcome::Cancelled));
    assert_eq!(world.refused(StartRun { replaces: Some(by), ..start(3) }), conflict(Some(by), None));
    assert_eq!(world.refused(start(1)), Rejection::RunExists { run: first }, "finished runs keep their ids");
}

#[test]
fn a_run_of_another_workflow_has_another_id() {
    let mut world = World::founded();
    let run = world.run("other", 1);
    world.put("orders", "one");
    assert_eq!(world.refused(start(1)), Rejection::RunExists { run });
}

#[test]
fn a_run_finishes_once() {
    let mut world = World::founded();
    assert_eq!(
        world.refused(finish(1, RunOutcome::Completed)),
        Rejection::NotFound { kind: Kind::Run, name: Uuid::from_u128(1).to_string() }
    );
    let run = world.run("orders", 1);
    assert!(matches!(world.refused(finish(1, failed(&"x".repeat(9000)))), Rejection::TooLarge { .. }));
    world.time_ms += 500;
    world.ok(finish(1, failed("disk full")));
    assert_eq!(world.send(finish(1, failed("disk full"))), Response::Done, "the same again");
    assert_eq!(world.refused(finish(1, RunOutcome::Completed)), Rejection::RunFinished { run });
    let known = world.state.runs().get(run).unwrap();
    assert!(known.is_finished());
    assert_eq!(known.finished_at_ms, Some(world.time_ms));
}

#[test]
fn the_last_finished_runs_are_kept() {
    let mut world = World::founded();
    let last = RUNS_KEPT as u128 + 5;
    // Ids that fall, so that only the order of creation can tell which is oldest.
    for number in 0..=last {
        let run = 1000 - number;
        let run = world.run("orders", run);
        world.complete(run);
    }
    let kept: Vec<Uuid> = world.state.runs().finished("orders").map(|(id, _)| id).collect();
    let expected: Vec<Uuid> =
        (0..=last).rev().take(RUNS_KEPT).map(|number| Uuid::from_u128(1000 - number)).collect();
    assert_eq!(kept, expected);
    assert_eq!(world.state.runs().iter().count(), RUNS_KEPT);
}

#[test]
fn checkpoints_stay_while_a_run_may_go_on_after_them() {
    let mut world = World::founded();
    let mut finished = |number: u128, outcome: RunOutcome| {
        let run = world.run("orders", number);
        let key = partition(run, "a");
        let epoch = world.assign_and_claim(&key, 1, 7);
        world.ok(advance(&key, 1, 7, epoch, 0, number as u64));
        match outcome {
            RunOutcome::Completed => world.complete(run),
            outcome => drop(world.ok(finish(number, outcome))),
        }
        assert_eq!(world.state.assignments().iter().count(), 0);
        let with: std::collections::BTreeSet<u128> =
            world.state.checkpoints().iter().map(|(route, _)| route.partition.run.as_u128()).collect();
        let rows: std::collections::BTreeSet<u128> =
            world.state.partitions().iter().map(|(key, _)| key.run.as_u128()).collect();
        assert_eq!(rows, with, "partitions are kept as long as checkpoints");
        with.into_iter().collect::<Vec<u128>>()
    };
    assert_eq!(finished(1, RunOutcome::Completed), [1]);
    assert_eq!(finished(2, failed("x")), [1, 2], "the last completed one and the last one");
    assert_eq!(finished(3, RunOutcome::Cancelled), [1, 3]);
    assert_eq!(finished(4, RunOutcome::Completed), [4]);
}

#[test]
fn what_an_incremental_run_goes_on_after_survives_any_number_of_failures() {
    let mut world = World::founded();
    let completed = world.run("orders", 1);
    let key = partition(completed, "a");
    let epoch = world.assign_and_claim(&key, 1, 7);
    world.ok(advance(&key, 1, 7, epoch, 0, 3));
    world.complete(completed);
    for number in 2..=RUNS_KEPT as u128 + 10 {
        world.run("orders", number);
        world.ok(finish(number, failed("no such host")));
    }
    assert!(world.state.runs().get(completed).is_some());
    assert_eq!(world.state.checkpoints().of_run(completed).count(), 1);
    assert_eq!(world.state.runs().finished("orders").count(), RUNS_KEPT);
    assert_eq!(world.state.runs().get(Uuid::from_u128(2)), None, "the oldest of the others go");
}

#[test]
fn epochs_outlive_their_run() {
    let mut world = World::founded();
    for number in 1..=RUNS_KEPT as u64 + 2 {
        let run = world.run("orders", u128::from(number));
        assert_eq!(world.assign(&partition(run, "a"), 1), number, "one more with each run");
        world.ok(finish(u128::from(number), RunOutcome::Cancelled));
    }
}

#[test]
fn the_parameters_of_a_run_are_kept_and_bounded() {
    let mut world = World::founded();
    world.put("orders", "one");
    let with = |run, name: &str, value: &str| StartRun {
        parameters: [(name.to_owned(), value.to_owned())].into(),
        ..start(run)
    };
    world.ok(with(1, "day", "2026-11-01"));
    let run = world.state.runs().get(Uuid::from_u128(1)).unwrap();
    assert_eq!(run.parameters["day"], "2026-11-01");
    assert_eq!((run.tick_ms, run.about_ms()), (None, run.created_at_ms));
    let reloaded = State::load(world.state.rows()).unwrap();
    assert_eq!(reloaded.runs().get(Uuid::from_u128(1)), Some(run));
    let over = |what: &str, size, limit| Rejection::TooLarge { what: what.to_owned(), size, limit };
    let value = "v".repeat(1025);
    assert_eq!(world.refused(with(2, "day", &value)), over("value of a parameter", 1025, 1024));
    let name = "n".repeat(129);
    assert_eq!(world.refused(with(2, &name, "v")), over("parameter name", 129, 128));
    let many = (0..65).map(|n| (n.to_string(), String::new())).collect();
    let many = StartRun { parameters: many, ..start(2) };
    assert_eq!(world.refused(many), over("parameters of a run", 65, 64));
}

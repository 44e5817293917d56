use etl_raft_state::command::{
    Assign, BeginDrain, Claim, FinishRun, FireSchedule, HaltRun, Holder, PartitionClaim, PutSchedule,
    Release, ResumeRun, StartRun,
};
use etl_raft_state::parts::{Halt, Overlap, RunPhase};
use etl_raft_state::{Advance, Fired, Kind, PartitionKey, Rejection, Response, RunOutcome};
use uuid::Uuid;

use crate::checkpoints::advance;
use crate::schedules::schedule;
use crate::world::{World, add, hash, partition, start};

fn failed(message: &str) -> Halt {
    Halt::Failed { message: message.to_owned() }
}

fn phase(world: &World, run: Uuid) -> &RunPhase {
    &world.state.runs().get(run).unwrap().phase
}

/// A run and another that waits for it.
fn queued() -> (World, Uuid, Uuid) {
    let mut world = World::founded();
    world.put("orders", "one");
    world.ok(PutSchedule { overlap: Overlap::Queue, ..schedule("nightly", "orders") });
    let running = world.run("orders", 1);
    let (waiting, now) = (Uuid::from_u128(2), world.time_ms);
    let fired = world.ok(FireSchedule {
        name: "nightly".to_owned(),
        expected_next_fire_ms: now,
        next_fire_ms: now + 1,
        run: waiting,
    });
    assert_eq!(fired, Response::Fired(Fired::Queued));
    (world, running, waiting)
}

#[test]
fn a_running_run_is_halted_and_the_first_failure_stays() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let halt = |halt| HaltRun { run, halt, by: None };
    for _ in 0..2 {
        assert_eq!(world.send(halt(Halt::Paused)), Response::Done);
        assert_eq!(*phase(&world, run), RunPhase::Halted(Halt::Paused));
    }
    for message in ["disk full", "disk full", "no such host"] {
        assert_eq!(world.send(halt(failed(message))), Response::Done);
        assert_eq!(*phase(&world, run), RunPhase::Halted(failed("disk full")));
    }
    assert_eq!(world.refused(halt(Halt::Paused)), Rejection::RunHalted { run });
    assert!(matches!(world.refused(halt(failed(&"x".repeat(9000)))), Rejection::TooLarge { .. }));
    let known = world.state.runs().get(run).unwrap();
    assert!(known.is_halted() && !known.is_finished());
}

#[test]
fn what_goes_wrong_with_a_partition_that_was_taken_over_halts_nothing() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let partition = PartitionKey::coordinator(run);
    let assign = |world: &mut World, expected_epoch| {
        world.ok(Assign { partition: partition.clone(), owner: 1, expected_epoch });
        let epoch = expected_epoch + 1;
        world.ok(Claim { partition: partition.clone(), epoch, node: 1, incarnation: 5 });
        Holder { node: 1, incarnation: 5, epoch }
    };
    let halt = |partition: &PartitionKey, holder| {
        let by = Some(PartitionClaim { partition: partition.clone(), holder });
        HaltRun { run, halt: failed("disk full"), by }
    };
    let first = assign(&mut world, 0);
    let second = assign(&mut world, first.epoch);
    assert!(matches!(world.refused(halt(&partition, first)), Rejection::EpochConflict { .. }));
    let restarted = Holder { incarnation: 6, ..second };
    assert!(matches!(world.refused(halt(&partition, restarted)), Rejection::ClaimedByAnother { .. }));
    let elsewhere = PartitionKey::coordinator(Uuid::from_u128(78));
    assert!(matches!(world.refused(halt(&elsewhere, second)), Rejection::NotAssigned { .. }));
    assert_eq!(*phase(&world, run), RunPhase::Running);
    for _ in 0..2 {
        assert_eq!(world.send(halt(&partition, second)), Response::Done);
        assert_eq!(*phase(&world, run), RunPhase::Halted(failed("disk full")));
    }
}

#[test]
fn only_an_active_run_is_halted_or_resumed() {
    let (mut world, run, waiting) = queued();
    let unknown = Uuid::from_u128(77);
    let missing = Rejection::NotFound { kind: Kind::Run, name: unknown.to_string() };
    assert_eq!(world.refused(HaltRun { run: unknown, halt: Halt::Paused, by: None }), missing);
    assert_eq!(world.refused(ResumeRun { run: unknown, version: 1, takes_over: false }), missing);
    let queued = Rejection::RunQueued { run: waiting };
    assert_eq!(world.refused(HaltRun { run: waiting, halt: Halt::Paused, by: None }), queued);
    assert_eq!(world.refused(ResumeRun { run: waiting, version: 1, takes_over: false }), queued);
    world.ok(FinishRun { run, outcome: RunOutcome::Cancelled, by: None });
    let finished = Rejection::RunFinished { run };
    assert_eq!(world.refused(HaltRun { run, halt: failed("late"), by: None }), finished);
    assert_eq!(world.refused(ResumeRun { run, version: 1, takes_over: false }), finished);
}

#[test]
fn a_version_takes_over_a_running_run_only_when_it_is_in_force_and_meant_to() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let coordinator = PartitionKey::coordinator(run);
    world.ok(Assign { partition: coordinator.clone(), owner: 1, expected_epoch: 0 });
    let resume = |version, takes_over| ResumeRun { run, version, takes_over };
    assert_eq!(world.send(resume(1, true)), Response::Done, "it has that version");
    assert!(world.state.assignments().get(&coordinator).is_some());
    world.put("orders", "two");
    for (version, takes_over) in [(2, false), (3, true), (0, true)] {
        let refused = world.refused(resume(version, takes_over));
        assert!(matches!(refused, Rejection::VersionConflict { .. }), "{version} {refused:?}");
    }
    for _ in 0..2 {
        assert_eq!(world.send(resume(2, true)), Response::Done);
        let known = world.state.runs().get(run).unwrap();
        assert_eq!((known.version, &known.phase, known.discovered), (2, &RunPhase::Running, false));
        assert!(
            world.state.assignments().get(&coordinator).is_none(),
            "nobody goes on under the former version"
        );
    }
    let epoch = world.ok(Assign { partition: coordinator, owner: 1, expected_epoch: 1 });
    assert_eq!(epoch, Response::Assigned { epoch: 2 });
}

#[test]
fn a_halted_run_keeps_its_place() {
    let (mut world, run, waiting) = queued();
    world.ok(HaltRun { run, halt: Halt::Paused, by: None });
    assert_eq!(world.state.runs().active("orders"), Some(run));
    let conflict =
        Rejection::RunConflict { workflow: "orders".to_owned(), expected: None, actual: Some(run) };
    assert_eq!(world.refused(start(Uuid::from_u128(3), "orders")), conflict);
    assert_eq!(world.send(start(run, "orders")), Response::RunStarted { version: 1 }, "the same again");
    let delete =
        etl_raft_state::command::DeleteWorkflow { name: "orders".to_owned(), expected_version: None };
    assert_eq!(world.refused(delete), Rejection::RunNotFinished { workflow: "orders".to_owned(), run });
    let now = world.time_ms;
    world.ok(PutSchedule { overlap: Overlap::Skip, ..schedule("nightly", "orders") });
    let fire = FireSchedule {
        name: "nightly".to_owned(),
        expected_next_fire_ms: now,
        next_fire_ms: now + 1,
        run: Uuid::from_u128(4),
    };
    assert_eq!(world.send(fire), Response::Fired(Fired::Skipped { running: run }));
    world.ok(FinishRun { run, outcome: RunOutcome::Cancelled, by: None });
    assert_eq!(world.state.runs().active("orders"), Some(waiting));
}

#[test]
fn a_halted_run_is_replaced() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    world.ok(HaltRun { run, halt: failed("disk full"), by: None });
    let by = Uuid::from_u128(2);
    world.ok(StartRun { replaces: Some(run), ..start(by, "orders") });
    assert_eq!(*phase(&world, run), RunPhase::Finished(RunOutcome::Replaced { by }));
    assert_eq!(world.state.runs().active("orders"), Some(by));
}

#[test]
fn what_is_under_way_when_a_run_is_halted_is_finished_and_nothing_is_begun() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let [held, unclaimed] = ["held", "unclaimed"].map(|name| partition(run, name));
    let epoch = world.assign_and_claim(&held, 1, 7);
    world.assign(&unclaimed, 1);
    let holder = world.coordinate(run);
    world.ok(HaltRun { run, halt: Halt::Paused, by: None });

    let halted = Rejection::RunHalted { run };
    let assign = Assign { partition: held.clone(), owner: 1, expected_epoch: epoch };
    assert_eq!(world.refused(assign.clone()), halted);
    assert_eq!(world.refused(add(run, holder, &["held"], true)), halted);
    for partition in [&held, &unclaimed] {
        let claim = Claim { partition: partition.clone(), epoch: 1, node: 1, incarnation: 7 };
        assert_eq!(world.refused(claim), halted, "also by who has claimed it before");
    }
    assert_eq!(world.send(advance(&held, 1, 7, epoch, 0, 3)), Response::Advanced(vec![Advance::Ok]));
    world.ok(BeginDrain { partition: held.clone(), epoch, to: None });
    for (partition, done) in [(held.clone(), true), (unclaimed, false)] {
        let release = Release { partition, epoch: 1, node: 1, incarnation: 7, checkpoints: vec![], done };
        assert_eq!(world.send(release), Response::Done);
    }
    assert!(world.state.partitions().get(&held).unwrap().done);

    for _ in 0..2 {
        assert_eq!(world.send(ResumeRun { run, version: 1, takes_over: false }), Response::Done);
        assert_eq!(*phase(&world, run), RunPhase::Running);
    }
    assert_eq!(world.refused(assign), Rejection::PartitionDone { partition: held });
    assert_eq!(world.assign(&partition(run, "unclaimed"), 1), 2);
    assert_eq!(world.state.assignments().get(&PartitionKey::coordinator(run)).unwrap().epoch, holder.epoch);
}

#[test]
fn a_run_is_resumed_with_its_version_or_the_one_in_force() {
    let mut world = World::founded();
    world.put("orders", "one");
    world.put("orders", "two");
    let run = world.run("orders", 1);
    world.put("orders", "three");
    world.put("orders", "four");
    let resume = |version| ResumeRun { run, version, takes_over: false };
    let conflict = |expected, actual| Rejection::VersionConflict {
        kind: Kind::Workflow,
        name: "orders".to_owned(),
        expected,
        actual,
    };
    assert_eq!(world.send(resume(2)), Response::Done, "it runs");
    assert_eq!(world.refused(resume(4)), conflict(4, 2), "it runs with another");
    world.ok(HaltRun { run, halt: failed("disk full"), by: None });
    for other in [0, 1, 3, 5] {
        assert_eq!(world.refused(resume(other)), conflict(other, 4));
    }
    assert_eq!(world.send(resume(2)), Response::Done);
    world.ok(HaltRun { run, halt: Halt::Paused, by: None });
    for _ in 0..2 {
        assert_eq!(world.send(resume(4)), Response::Done);
        let known = world.state.runs().get(run).unwrap();
        assert_eq!((known.version, known.hash, &known.phase), (4, hash("four"), &RunPhase::Running));
    }
}

#[test]
fn a_new_version_keeps_what_is_done_and_lets_nobody_go_on_under_the_old_one() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let [done, held] = ["done", "held"].map(|name| partition(run, name));
    world.add(run, &["done", "held"], true);
    for key in [&done, &held] {
        world.assign_and_claim(key, 1, 7);
    }
    let release =
        |partition, done| Release { partition, epoch: 1, node: 1, incarnation: 7, checkpoints: vec![], done };
    world.ok(release(done.clone(), true));
    world.put("orders", "mended");
    world.ok(HaltRun { run, halt: failed("no such column"), by: None });
    world.ok(ResumeRun { run, version: 2, takes_over: false });

    assert_eq!(world.state.assignments().of_run(run).count(), 0);
    assert_eq!(
        world.send(advance(&held, 1, 7, 1, 0, 3)),
        Response::Advanced(vec![Advance::Fenced { epoch: 0 }])
    );
    assert!(!world.state.runs().get(run).unwrap().discovered, "it may have other sources");
    let holder = world.add(run, &["more", "held"], true);
    assert_eq!(holder.epoch, 2);
    let indexes: Vec<(&str, u64, bool)> = (world.state.partitions().of_run(run))
        .map(|(key, row)| (key.partition.as_str(), row.index, row.done))
        .collect();
    assert_eq!(indexes, [("done", 0, true), ("held", 1, false), ("more", 2, false)]);
    assert_eq!(world.assign(&held, 1), 2);
    world.complete(run);
}

#[test]
fn documents_follow_the_version_of_the_run() {
    let mut world = World::founded();
    world.put("orders", "first");
    let run = world.run("orders", 1);
    for number in 0..=etl_raft_state::limits::VERSIONS_KEPT {
        world.put("orders", &format!("version {number}"));
    }
    assert_eq!(world.state.workflows().document(&hash("first")), Some("first"));
    world.ok(HaltRun { run, halt: Halt::Paused, by: None });
    let version = world.state.workflows().current_version("orders");
    world.ok(ResumeRun { run, version, takes_over: false });
    assert_eq!(world.state.workflows().document(&hash("first")), None, "nothing needs it any more");
    let loaded = etl_raft_state::State::load(world.state.rows()).unwrap();
    assert_eq!(loaded.digest(), world.state.digest());
    world.ok(FinishRun { run, outcome: RunOutcome::Cancelled, by: None });
    assert!(etl_raft_state::State::load(world.state.rows()).is_ok(), "each document is let go of once");
}

#[test]
fn a_run_that_was_halted_when_all_was_done_is_finished() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let holder = world.add(run, &[], true);
    world.ok(HaltRun { run, halt: Halt::Paused, by: None });
    world.ok(FinishRun { run, outcome: RunOutcome::Completed, by: Some(holder) });
    assert_eq!(*phase(&world, run), RunPhase::Finished(RunOutcome::Completed));
}

use etl_raft_state::command::{ForgetProgress, HaltRun, ResumeRun};
use etl_raft_state::parts::{Halt, RunPhase};
use etl_raft_state::{Kind, Rejection, RunOutcome};
use uuid::Uuid;

use crate::checkpoints::advance;
use crate::world::{World, partition};

fn forget(halted: Option<Uuid>, last: Option<Uuid>) -> ForgetProgress {
    ForgetProgress { workflow: "orders".to_owned(), halted, last }
}

/// A run with a checkpoint, which is not finished.
fn run(world: &mut World, number: u128) -> Uuid {
    let run = world.run("orders", number);
    let key = partition(run, "a");
    let epoch = world.assign_and_claim(&key, 1, 7);
    world.ok(advance(&key, 1, 7, epoch, 0, 3));
    run
}

fn pause(world: &mut World, run: Uuid) {
    world.ok(HaltRun { run, halt: Halt::Paused, by: None });
}

fn checkpoints(world: &World) -> usize {
    world.state.checkpoints().iter().count()
}

#[test]
fn a_halted_run_is_given_up_and_all_that_a_new_one_could_go_on_from_is_forgotten() {
    let mut world = World::founded();
    let first = run(&mut world, 1);
    world.complete(first);
    let second = run(&mut world, 2);
    pause(&mut world, second);
    let other = world.run("invoices", 9);
    let key = partition(other, "a");
    let epoch = world.assign_and_claim(&key, 1, 7);
    world.ok(advance(&key, 1, 7, epoch, 0, 3));
    let epochs: Vec<_> = world.state.epochs().iter().map(|(key, epoch)| (key.clone(), epoch)).collect();
    assert_eq!(checkpoints(&world), 3);

    world.ok(forget(Some(second), Some(first)));
    let phase = |run| world.state.runs().get(run).unwrap().phase.clone();
    assert_eq!(phase(second), RunPhase::Finished(RunOutcome::Cancelled));
    assert_eq!(phase(first), RunPhase::Finished(RunOutcome::Completed));
    assert_eq!(world.state.runs().active("orders"), None);
    assert_eq!(world.state.checkpoints().of_run(other).count(), 1, "of another workflow");
    assert_eq!(checkpoints(&world), 1);
    assert_eq!(world.state.partitions().count(first) + world.state.partitions().count(second), 0);
    let now: Vec<_> = world.state.epochs().iter().map(|(key, epoch)| (key.clone(), epoch)).collect();
    assert_eq!(now, epochs, "markers at the destinations stay, so epochs must not go back");
    world.ok(forget(None, Some(second)));
}

#[test]
fn nothing_is_forgotten_of_a_run_that_goes_on_or_that_nobody_has_seen() {
    let mut world = World::founded();
    let unknown = Rejection::NotFound { kind: Kind::Workflow, name: "orders".to_owned() };
    assert_eq!(world.refused(forget(None, None)), unknown);
    let first = run(&mut world, 1);
    let running = Rejection::RunNotFinished { workflow: "orders".to_owned(), run: first };
    assert_eq!(world.refused(forget(None, None)), running);
    assert_eq!(world.refused(forget(Some(first), None)), running, "it was resumed in the meantime");
    pause(&mut world, first);
    let conflict =
        |expected, actual| Rejection::RunConflict { workflow: "orders".to_owned(), expected, actual };
    assert_eq!(world.refused(forget(None, None)), conflict(None, Some(first)));
    world.ok(ResumeRun { run: first, version: 1, takes_over: false });
    world.complete(first);
    assert_eq!(world.refused(forget(Some(first), None)), conflict(Some(first), None));
    assert_eq!(world.refused(forget(None, None)), conflict(None, Some(first)), "it has completed since");
    assert_eq!(checkpoints(&world), 1);
    world.ok(forget(None, Some(first)));
    assert_eq!(checkpoints(&world), 0);
}

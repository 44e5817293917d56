//! Models of the command guards, searched exhaustively within their bounds.
//!
//! Actors look at the state, send what follows from it, and do not know when it acts: each command may be committed at once, after
//! others, never, or twice, as happens when answers are lost, owners are paused and a new leader proposes what an old one left
//! behind. Commands go through the real `State::apply`. Each guard is then gone around in turn, by filling in what it would have
//! asked for, and the search must find what goes wrong: a guard whose absence nothing notices is not tested.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ghost;
mod guards;
mod scene;
mod scenes;
mod world;

use std::collections::BTreeSet;

use ghost::Harm;
use guards::Guard;
use scene::{Play, Scene};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// Searches everything, or until the harm is found, prints how much was searched, and gives the properties that do not hold.
fn broken(scene: fn() -> Scene, missing: Option<(Guard, Harm)>) -> BTreeSet<&'static str> {
    let play = Play { scene: scene(), missing: missing.map(|(guard, _)| guard) };
    let name = play.scene.name;
    let expectations: Vec<_> =
        play.properties().into_iter().map(|property| (property.name, property.expectation)).collect();
    let until = missing.map_or(HasDiscoveries::All, |(_, harm)| HasDiscoveries::AnyOf([harm.name()].into()));
    let checker = play.checker().threads(2).finish_when(until).spawn_bfs().join();
    let found = checker.discoveries();
    let broken: BTreeSet<&'static str> = expectations
        .into_iter()
        .filter(|(name, expectation)| match expectation {
            Expectation::Always | Expectation::Eventually => found.contains_key(name),
            Expectation::Sometimes => missing.is_none() && !found.contains_key(name),
        })
        .map(|(name, _)| name)
        .collect();
    println!(
        "{name}, without {:?}: {} states, {} distinct, depth {}, broken: {broken:?}",
        missing.map(|(guard, _)| guard),
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
    );
    broken
}

fn holds(scene: fn() -> Scene) {
    assert_eq!(broken(scene, None), BTreeSet::new());
}

fn is_needed(guard: Guard, scene: fn() -> Scene, harm: Harm) {
    let broken = broken(scene, Some((guard, harm)));
    assert!(broken.contains(harm.name()), "nothing noticed that {guard:?} was missing");
}

macro_rules! models {
    ($($name:ident: $scene:path;)+) => {
        $(#[test]
        fn $name() {
            holds($scene);
        })+
    };
}

macro_rules! guards {
    ($($name:ident: $guard:ident, $scene:path, $harm:ident;)+) => {
        $(#[test]
        fn $name() {
            is_needed(Guard::$guard, $scene, Harm::$harm);
        })+
    };
}

models! {
    versions_are_safe: scenes::workflows::writers;
    retries_act_once: scenes::workflows::retries;
    entries_that_are_read_again_act_once: scenes::workflows::replays;
    ownership_is_safe_while_it_moves_between_nodes: scenes::owners::two_nodes;
    ownership_is_safe_when_it_comes_back_to_a_process: scenes::owners::same_process;
    ownership_is_safe_when_a_process_is_started_again: scenes::owners::restart;
    letting_go_is_safe: scenes::owners::letting_go;
    runs_are_safe: scenes::runs::starters;
    ticks_are_safe: scenes::runs::ticks;
    node_states_are_safe: scenes::nodes::judges;
    coordination_is_safe_while_it_moves: scenes::coordination::moves;
    coordination_is_safe_when_it_comes_back: scenes::coordination::comes_back;
    the_end_of_a_run_is_safe: scenes::coordination::finishers;
    what_is_done_is_safe: scenes::coordination::last_partition;
    halting_is_safe: scenes::halting::halt;
    resuming_is_safe: scenes::halting::resume;
    forgetting_is_safe: scenes::halting::forgetting;
}

guards! {
    put_workflow_needs_the_expected_version: PutVersion, scenes::workflows::writers, Unseen;
    delete_workflow_needs_the_expected_version: DeleteVersion, scenes::workflows::writers, Unseen;
    claim_needs_the_epoch: ClaimEpoch, scenes::owners::same_process, Stale;
    entries_need_their_index: Index, scenes::workflows::replays, Twice;
    commands_need_the_session: Session, scenes::workflows::retries, Twice;
    assign_needs_the_expected_epoch: AssignEpoch, scenes::owners::two_nodes, Unseen;
    claim_needs_the_owner: ClaimOwner, scenes::owners::two_nodes, Shared;
    claim_needs_the_process: ClaimProcess, scenes::owners::restart, Shared;
    checkpoint_needs_the_process: CheckpointProcess, scenes::owners::restart, Shared;
    checkpoint_needs_the_epoch: CheckpointEpoch, scenes::owners::same_process, Stale;
    checkpoint_needs_what_it_follows: CheckpointFrom, scenes::owners::same_process, Backwards;
    checkpoint_needs_to_lead_on: CheckpointTo, scenes::owners::same_process, Backwards;
    release_needs_the_epoch: ReleaseEpoch, scenes::owners::letting_go, Stale;
    drain_needs_the_epoch: DrainEpoch, scenes::owners::letting_go, Stale;
    start_run_needs_the_run_it_replaces: RunReplaces, scenes::runs::starters, Unseen;
    start_run_needs_the_expected_version: RunVersion, scenes::runs::starters, Unseen;
    assign_needs_a_running_run: RunRunning, scenes::runs::starters, Stale;
    a_tick_needs_its_time: TickTime, scenes::runs::ticks, TickTwice;
    node_state_needs_the_expected_one: NodeFrom, scenes::nodes::judges, Unseen;
    update_node_needs_the_store: NodeStore, scenes::nodes::judges, Impostor;
    add_partitions_needs_the_holder: AddHolder, scenes::coordination::moves, Usurped;
    add_partitions_needs_the_epoch: AddEpoch, scenes::coordination::comes_back, Usurped;
    finish_run_needs_the_holder: FinishHolder, scenes::coordination::finishers, Usurped;
    finish_run_needs_the_epoch: FinishEpoch, scenes::coordination::comes_back, Usurped;
    a_run_is_completed_by_its_coordinator: FinishBy, scenes::coordination::finishers, Usurped;
    a_run_is_completed_when_all_is_done: FinishOpen, scenes::coordination::last_partition, LeftOut;
    a_run_is_completed_when_all_is_known: FinishDiscovered, scenes::coordination::last_partition, LeftOut;
    a_done_partition_is_marked: DoneMark, scenes::coordination::last_partition, DoneAgain;
    a_partition_is_done_by_who_has_claimed_it: DoneClaimed, scenes::coordination::last_partition, DoneAgain;
    assign_needs_a_run_that_is_not_halted: AssignHalted, scenes::halting::halt, Begun;
    claim_needs_a_run_that_is_not_halted: ClaimHalted, scenes::halting::halt, Begun;
    add_partitions_needs_a_run_that_is_not_halted: AddHalted, scenes::halting::halt, Begun;
    resume_needs_a_known_version: ResumeVersion, scenes::halting::resume, Begun;
    forgetting_needs_the_halted_run: ForgetHalted, scenes::halting::forgetting, Unseen;
    forgetting_needs_the_last_run: ForgetLast, scenes::halting::forgetting, Unseen;
    forgetting_needs_a_run_that_is_halted: ForgetRunning, scenes::halting::forgetting, Unseen;
}

use std::collections::BTreeMap;

use etl_raft_state::parts::{Assignment, RunPhase};
use etl_raft_state::{Command, NodeId, PartitionKey, Response, RunOutcome, State};
use proptest::prelude::*;

use crate::properties::{each, history, steps};

fn held_by(state: &State) -> BTreeMap<NodeId, Vec<(PartitionKey, Assignment)>> {
    let mut by_owner: BTreeMap<NodeId, Vec<_>> = BTreeMap::new();
    for (key, assignment) in state.assignments().iter() {
        by_owner.entry(assignment.owner).or_default().push((key.clone(), assignment.clone()));
    }
    by_owner
}

/// Compares the index with a look through all.
fn owners_are_found(state: &State) -> Result<(), TestCaseError> {
    let mut by_owner = held_by(state);
    let highest = state.nodes().iter().map(|(id, _)| id).max().unwrap_or(0);
    for node in (0..=highest + 1).chain([u64::MAX]) {
        let found: Vec<(PartitionKey, Assignment)> =
            state.assignments().of_owner(node).map(|(key, held)| (key.clone(), held.clone())).collect();
        prop_assert_eq!(found, by_owner.remove(&node).unwrap_or_default());
    }
    prop_assert!(by_owner.is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_partitions_of_a_node_are_those_with_it_as_owner(steps in steps()) {
        let mut state = State::default();
        for (index, envelope, _) in history(&steps) {
            state.apply(index, &envelope);
            owners_are_found(&state)?;
        }
        owners_are_found(&State::load(state.rows()).unwrap())?;
    }

    #[test]
    fn partitions_keep_dense_indexes_and_what_is_done_stays_done(steps in steps()) {
        let mut state = State::default();
        for (index, envelope, _) in history(&steps) {
            let before = state.clone();
            state.apply(index, &envelope);
            for (key, was) in before.partitions().iter() {
                match state.partitions().get(key) {
                    Some(is) => prop_assert!(is.index == was.index && (is.done || !was.done)),
                    None => {
                        prop_assert!(state.runs().get(key.run).is_none_or(|run| run.is_finished()));
                        prop_assert_eq!(state.partitions().of_run(key.run).count(), 0, "all go or none");
                    }
                }
            }
            let runs: Vec<_> = state.runs().iter().map(|(id, _)| id).collect();
            let mut rows = 0;
            for run in runs {
                let mut indexes: Vec<u64> = state.partitions().of_run(run).map(|(_, row)| row.index).collect();
                indexes.sort_unstable();
                prop_assert!((0..).zip(&indexes).all(|(number, index)| number == *index), "{:?}", indexes);
                let open = state.partitions().of_run(run).filter(|(_, row)| !row.done).count();
                prop_assert_eq!(state.partitions().open(run), open);
                prop_assert_eq!(state.partitions().count(run), indexes.len());
                rows += indexes.len();
            }
            prop_assert_eq!(state.partitions().iter().count(), rows, "rows belong to runs");
        }
        let loaded = State::load(state.rows()).unwrap();
        for (run, _) in state.runs().iter() {
            prop_assert_eq!(loaded.partitions().open(run), state.partitions().open(run));
            prop_assert_eq!(loaded.partitions().count(run), state.partitions().count(run));
        }
    }

    #[test]
    fn only_known_partitions_are_assigned_and_none_that_is_done(steps in steps()) {
        let mut state = State::default();
        for (index, envelope, _) in history(&steps) {
            let before = state.clone();
            let response = state.apply(index, &envelope);
            for (command, answer) in each(&envelope.command, &response) {
                if let (Command::Assign(assign), Response::Assigned { .. }) = (command, answer) {
                    prop_assert!(!before.partitions().get(&assign.partition).is_some_and(|row| row.done));
                    let run = state.runs().get(assign.partition.run).unwrap();
                    prop_assert!(run.pinned.is_none_or(|node| node == assign.owner));
                }
            }
            for (key, _) in state.assignments().iter().filter(|(key, _)| !key.is_coordinator()) {
                prop_assert!(state.partitions().get(key).is_some());
            }
        }
    }

    #[test]
    fn only_the_holder_of_the_coordinator_adds_partitions_or_completes(steps in steps()) {
        let mut state = State::default();
        for (index, envelope, _) in history(&steps) {
            let before = state.clone();
            state.apply(index, &envelope);
            if matches!(envelope.command, Command::Batch(_)) {
                continue;
            }
            let holds = |run, node, incarnation, epoch| {
                let held = before.assignments().get(&PartitionKey::coordinator(run));
                held.is_some_and(|held| held.is_held_by(node, incarnation, epoch))
            };
            for (key, _) in state.partitions().iter().filter(|(key, _)| before.partitions().get(key).is_none()) {
                let Command::AddPartitions(add) = &envelope.command else { panic!("{:?}", envelope.command) };
                prop_assert!(add.run == key.run && holds(add.run, add.node, add.incarnation, add.epoch));
                let run = before.runs().get(key.run).unwrap();
                prop_assert!(run.phase == RunPhase::Running && !run.discovered);
            }
            let completed = RunPhase::Finished(RunOutcome::Completed);
            for (id, run) in state.runs().iter().filter(|(_, run)| run.phase == completed) {
                let was = before.runs().get(id).unwrap();
                if was.phase == completed {
                    continue;
                }
                prop_assert!(run.discovered && before.partitions().open(id) == 0);
                let Command::FinishRun(finish) = &envelope.command else { panic!("{:?}", envelope.command) };
                let by = finish.by.unwrap();
                prop_assert!(finish.run == id && holds(id, by.node, by.incarnation, by.epoch));
            }
        }
    }

    #[test]
    fn nothing_of_a_halted_run_is_begun(steps in steps()) {
        let mut state = State::default();
        for (index, envelope, _) in history(&steps) {
            let before = state.clone();
            let response = state.apply(index, &envelope);
            let raises = |(command, _): &(&Command, &Response)| {
                matches!(command, Command::AdoptCluster(_) | Command::ResumeRun(_))
            };
            if each(&envelope.command, &response).iter().any(raises) {
                continue;
            }
            let halted = |state: &State, run| state.runs().get(run).is_some_and(|run| run.is_halted());
            let runs = before.runs().iter().map(|(id, _)| id);
            for run in runs.filter(|id| halted(&before, *id) && halted(&state, *id)) {
                prop_assert_eq!(state.partitions().count(run), before.partitions().count(run));
                for (key, is) in state.assignments().of_run(run) {
                    let was = before.assignments().get(key);
                    prop_assert!(was.is_some_and(|was| (was.epoch, was.claimed_by) == (is.epoch, is.claimed_by)));
                }
            }
        }
    }

    #[test]
    fn another_version_begins_with_nobody(steps in steps()) {
        let mut state = State::default();
        for (index, envelope, _) in history(&steps) {
            let before = state.clone();
            state.apply(index, &envelope);
            if matches!(envelope.command, Command::Batch(_)) {
                continue;
            }
            for (id, run) in state.runs().iter() {
                if before.runs().get(id).is_some_and(|was| was.version != run.version) {
                    prop_assert!(before.runs().get(id).unwrap().is_halted());
                    prop_assert!(!run.discovered && state.assignments().of_run(id).next().is_none());
                }
            }
        }
    }
}

use std::collections::{BTreeMap, BTreeSet};

use etl_raft_state::command::{Assign, Claim, Holder, Release, SetNodeState};
use etl_raft_state::parts::RunPhase;
use etl_raft_state::{
    Command, Envelope, EpochKey, NodeId, NodeState, PartitionKey, Response, RunOutcome, Session, State,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use crate::operation::{Operation, operation};
use crate::world::{Row, World, add, founder, node, partition, put, start};

/// What happens at one entry.
#[derive(Debug, Clone)]
pub struct Step {
    /// More than one makes a batch.
    operations: Vec<Operation>,
    /// Whether a client sends it in its session.
    in_session: bool,
    passes_ms: u64,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let operations = prop_oneof![
        6 => proptest::collection::vec(operation(), 1),
        1 => proptest::collection::vec(operation(), 2..5),
    ];
    let step = (operations, any::<bool>(), 0u64..200_000)
        .prop_map(|(operations, in_session, passes_ms)| Step { operations, in_session, passes_ms });
    proptest::collection::vec(step, 1..120)
}

impl Step {
    fn command(&self, state: &State, fresh: u64) -> Command {
        let mut commands: Vec<Command> = (fresh..)
            .zip(&self.operations)
            .map(|(fresh, operation)| operation.command(state, fresh))
            .collect();
        match commands.len() {
            1 => commands.remove(0),
            _ => Command::Batch(commands),
        }
    }
}

/// A cluster with something to do.
fn beginning() -> Vec<Command> {
    let up = |node| SetNodeState { node, from: NodeState::Joining, to: NodeState::Up }.into();
    let runs = [("orders", Uuid::from_u128(1)), ("users", Uuid::from_u128(2))];
    let coordinated = runs.into_iter().flat_map(|(workflow, run)| {
        let partition = PartitionKey::coordinator(run);
        let holder = Holder { node: 1, incarnation: 0, epoch: 1 };
        [
            start(run, workflow).into(),
            Assign { partition: partition.clone(), owner: 1, expected_epoch: 0 }.into(),
            Claim { partition, epoch: 1, node: 1, incarnation: 0 }.into(),
            match workflow {
                "orders" => add(run, holder, &["a", "b"], false).into(),
                _ => add(run, holder, &[], true).into(),
            },
        ]
    });
    let known = vec![
        founder().into(),
        up(1),
        node(2).into(),
        up(5),
        put("orders", "text 0", None).into(),
        put("users", "text 0", None).into(),
    ];
    let key = partition(Uuid::from_u128(1), "a");
    let done: [Command; 3] = [
        Assign { partition: key.clone(), owner: 1, expected_epoch: 0 }.into(),
        Claim { partition: key.clone(), epoch: 1, node: 1, incarnation: 0 }.into(),
        Release { partition: key, epoch: 1, node: 1, incarnation: 0, checkpoints: vec![], done: true }.into(),
    ];
    known.into_iter().chain(coordinated).chain(done).collect()
}

/// Entries as a leader would have proposed them, and what each was answered. Those after the beginning are the steps.
pub fn history(steps: &[Step]) -> Vec<(u64, Envelope, Response)> {
    let mut world = World::empty();
    let given = beginning().into_iter().map(|command| (Some(command), None));
    let made = steps.iter().map(|step| (None, Some(step)));
    let mut history = Vec::new();
    for (number, (given, step)) in (0u64..).zip(given.chain(made)) {
        world.time_ms += step.map_or(0, |step| step.passes_ms);
        let session = step.filter(|step| step.in_session).map(|_| Session {
            client: Uuid::from_u128(u128::from(number % 3) + 1),
            seq: number,
            acknowledged_below: number.saturating_sub(6),
        });
        let command = given.or_else(|| Some(step?.command(&world.state, 1000 * number))).unwrap();
        let envelope = Envelope { time_ms: world.time_ms, session, command };
        // Holes are entries that hold no command.
        let index = 2 * number + 1;
        let response = world.state.apply(index, &envelope);
        history.push((index, envelope, response));
    }
    history
}

fn rows(state: &State) -> Vec<Row> {
    state.rows().collect()
}

fn epochs(state: &State) -> BTreeMap<EpochKey, u64> {
    state.epochs().iter().map(|(key, epoch)| (key.clone(), epoch)).collect()
}

/// Responses of single commands, also of those in a batch, with their commands.
pub fn each<'a>(command: &'a Command, response: &'a Response) -> Vec<(&'a Command, &'a Response)> {
    match (command, response) {
        (Command::Batch(commands), Response::Batch(responses)) => commands.iter().zip(responses).collect(),
        _ => vec![(command, response)],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_same_entries_make_the_same_state(steps in steps()) {
        let history = history(&steps);
        let mut first = State::default();
        let mut second = State::default();
        for (index, envelope, response) in &history {
            let decoded = Envelope::decode(&envelope.encode().unwrap()).unwrap();
            prop_assert_eq!(&decoded, envelope);
            prop_assert_eq!(&first.apply(*index, envelope), response);
            prop_assert_eq!(&second.apply(*index, &decoded), response);
            prop_assert_eq!(&Response::decode(&response.encode().unwrap()).unwrap(), response);
        }
        prop_assert_eq!(first.digest(), second.digest());
        prop_assert!(rows(&first) == rows(&second));
    }

    #[test]
    fn a_state_that_was_loaded_goes_on_like_the_one_that_was_not(
        steps in steps(),
        at in any::<prop::sample::Index>(),
    ) {
        let history = history(&steps);
        let at = at.index(history.len());
        let mut state = State::default();
        for (index, envelope, _) in &history[..at] {
            state.apply(*index, envelope);
        }
        let mut loaded = State::load(state.rows()).unwrap();
        prop_assert!(rows(&loaded) == rows(&state));
        for (index, envelope, response) in &history[at..] {
            prop_assert_eq!(&loaded.apply(*index, envelope), response);
            state.apply(*index, envelope);
        }
        prop_assert!(rows(&loaded) == rows(&state));
        prop_assert!(rows(&state.clone()) == rows(&state));
    }

    #[test]
    fn changes_replayed_are_the_rows(
        steps in steps(),
        often in 1usize..8,
        at in any::<prop::sample::Index>(),
    ) {
        let history = history(&steps);
        let reload = at.index(history.len());
        let mut state = State::default();
        let mut replayed: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for (number, (index, envelope, _)) in history.iter().enumerate() {
            state.apply(*index, envelope);
            if number % often == 0 || number == reload {
                for (key, value) in state.take_changes() {
                    prop_assert!(key.first().is_some_and(|first| *first < 32));
                    match value {
                        Some(value) => {
                            prop_assert!(value.len() < 32 * 1024);
                            replayed.insert(key, value);
                        }
                        None => prop_assert!(replayed.remove(&key).is_some(), "removed without being there"),
                    }
                }
                prop_assert!(replayed.iter().map(|(key, value)| (key.clone(), value.clone())).eq(state.rows()));
                prop_assert!(state.take_changes().is_empty());
            }
            if number == reload {
                state = State::load(replayed.clone()).unwrap();
            }
        }
    }

    #[test]
    fn epochs_only_rise(steps in steps()) {
        let mut state = State::default();
        for (index, envelope, _) in history(&steps) {
            let before = epochs(&state);
            let floor = state.meta().epoch_floor();
            let response = state.apply(index, &envelope);
            let after = epochs(&state);
            for (key, epoch) in &before {
                prop_assert!(after.get(key).is_some_and(|now| now >= epoch), "{:?}", key);
            }
            prop_assert!(state.meta().epoch_floor() >= floor);
            let answers = each(&envelope.command, &response);
            let adopted = answers.iter().any(|(command, _)| matches!(command, Command::AdoptCluster(_)));
            let assigned = answers.iter().filter(|(_, answer)| matches!(answer, Response::Assigned { .. })).count();
            let raised: u64 = after
                .iter()
                .map(|(key, now)| now - before.get(key).copied().unwrap_or(state.meta().epoch_floor()))
                .sum();
            prop_assert!(adopted || raised == assigned as u64, "one up for each assignment");
            let mut held = BTreeMap::new();
            for (key, assignment) in state.assignments().iter() {
                let run = state.runs().get(key.run).unwrap();
                prop_assert!(!run.is_finished());
                let key = EpochKey {
                    workflow: run.workflow.clone(),
                    source: key.source.clone(),
                    partition: key.partition.clone(),
                };
                prop_assert_eq!(after.get(&key), Some(&assignment.epoch));
                prop_assert!(held.insert(key, assignment.owner).is_none(), "one owner");
            }
        }
    }

    #[test]
    fn checkpoints_only_rise_and_only_for_who_holds_the_partition(steps in steps()) {
        let mut state = State::default();
        for (index, envelope, _) in history(&steps) {
            let before = state.clone();
            state.apply(index, &envelope);
            for (route, now) in state.checkpoints().iter() {
                match before.checkpoints().get(route) {
                    Some(then) if then == now => continue,
                    Some(then) => prop_assert!(now.seq > then.seq && now.epoch >= then.epoch),
                    None => prop_assert!(now.seq > 0),
                }
                let run = before.runs().get(route.partition.run).unwrap();
                prop_assert!(!run.is_finished());
                if !matches!(envelope.command, Command::Batch(_)) {
                    let held = before.assignments().get(&route.partition).unwrap();
                    prop_assert_eq!(held.epoch, now.epoch);
                    prop_assert!(held.claimed_by.is_some());
                }
            }
        }
    }

    #[test]
    fn a_refused_command_changes_nothing(steps in steps()) {
        let mut state = State::default();
        for (index, envelope, _) in history(&steps) {
            // Facts and sessions say that there was an entry.
            let lasting = |state: &State| {
                state.rows().filter(|(key, _)| !matches!(key[0], 1 | 14 | 15)).collect::<Vec<Row>>()
            };
            let before = lasting(&state);
            let facts = (state.meta().cluster(), state.meta().feature_level(), state.meta().epoch_floor());
            let response = state.apply(index, &envelope);
            if each(&envelope.command, &response).iter().all(|(_, answer)| answer.rejection().is_some()) {
                prop_assert!(before == lasting(&state), "{:?}", response);
                let now = (state.meta().cluster(), state.meta().feature_level(), state.meta().epoch_floor());
                prop_assert_eq!(now, facts);
            }
        }
    }

    #[test]
    fn a_command_that_is_sent_again_acts_once(
        steps in steps(),
        again in proptest::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let history = history(&steps);
        let mut once = State::default();
        let mut twice = State::default();
        let mut index = 0;
        for (number, (_, envelope, _)) in history.iter().enumerate() {
            // The client of the whole history acknowledges nothing, so that every answer is kept.
            let session = Session { client: Uuid::from_u128(9), seq: number as u64, acknowledged_below: 0 };
            let envelope = Envelope { session: Some(session), ..envelope.clone() };
            index += 10;
            let response = once.apply(index, &envelope);
            prop_assert_eq!(&twice.apply(index, &envelope), &response);
            for (later, at) in (1..).zip(&again) {
                let repeated = at.index(number + 1);
                let session = Session { seq: repeated as u64, ..session };
                let (_, earlier, _) = &history[repeated];
                let earlier = Envelope { session: Some(session), time_ms: envelope.time_ms, ..earlier.clone() };
                let answer = twice.apply(index + later, &earlier);
                let known = once.clone().apply(index + later, &earlier);
                prop_assert_eq!(answer, known, "the answer of the first time");
            }
            let lasting = |state: &State| {
                state.rows().filter(|(key, _)| !matches!(key[0], 1 | 14)).collect::<Vec<Row>>()
            };
            if number % 8 == 0 || number + 1 == history.len() {
                prop_assert!(lasting(&once) == lasting(&twice));
            }
        }
    }

    #[test]
    fn who_is_removed_stays_removed_and_ids_and_stores_are_unique(steps in steps()) {
        let mut state = State::default();
        let mut known: BTreeMap<NodeId, (Uuid, NodeState)> = BTreeMap::new();
        for (index, envelope, _) in history(&steps) {
            state.apply(index, &envelope);
            let now: BTreeMap<NodeId, (Uuid, NodeState)> =
                state.nodes().iter().map(|(id, node)| (id, (node.store, node.state))).collect();
            for (id, (store, was)) in &known {
                let (store_now, is) = now[id];
                prop_assert_eq!(store_now, *store);
                prop_assert!(*was != NodeState::Removed || is == NodeState::Removed);
            }
            let stores: BTreeSet<Uuid> = now.values().map(|(store, _)| *store).collect();
            prop_assert_eq!(stores.len(), now.len());
            prop_assert!(state.nodes().members().next().is_some());
            for (id, node) in state.nodes().iter() {
                prop_assert_eq!(state.nodes().by_store(node.store).map(|(found, _)| found), Some(id));
                prop_assert!(node.state == NodeState::Removed || node.feature_level >= state.meta().feature_level());
            }
            known = now;
        }
    }

    #[test]
    fn a_workflow_has_one_active_run_and_every_run_its_document(steps in steps()) {
        let mut state = State::default();
        let mut versions: BTreeMap<String, u64> = BTreeMap::new();
        for (index, envelope, _) in history(&steps) {
            state.apply(index, &envelope);
            let mut running: BTreeSet<&str> = BTreeSet::new();
            for (id, run) in state.runs().iter().filter(|(_, run)| !run.is_finished()) {
                prop_assert!(state.workflows().document(&run.hash).is_some());
                prop_assert!(state.workflows().get(&run.workflow).is_some());
                if state.runs().queued(&run.workflow) == Some(id) {
                    prop_assert!(state.runs().active(&run.workflow).is_some(), "it waits for one");
                } else {
                    prop_assert_eq!(state.runs().active(&run.workflow), Some(id), "running or halted");
                    prop_assert!(running.insert(&run.workflow));
                }
            }
            for name in ["orders", "users"] {
                let newest = state.workflows().history(name).next().map_or(0, |version| version.version);
                prop_assert!(newest >= versions.get(name).copied().unwrap_or(0), "versions count up");
                versions.insert(name.to_owned(), newest);
            }
        }
    }
}

/// Guards against a generator that only makes commands which are refused.
#[test]
fn the_histories_reach_every_kind_of_answer() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut partitions: BTreeSet<PartitionKey> = BTreeSet::new();
    let mut complete: BTreeSet<(usize, Uuid)> = BTreeSet::new();
    for round in 0..200 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let mut state = State::default();
        for (index, envelope, response) in history(&steps) {
            state.apply(index, &envelope);
            let completed = RunPhase::Finished(RunOutcome::Completed);
            complete.extend(
                state.runs().iter().filter(|(_, run)| run.phase == completed).map(|(id, _)| (round, id)),
            );
            partitions.extend(state.assignments().iter().map(|(key, _)| key.clone()));
            for (_, answer) in each(&envelope.command, &response) {
                let text = format!("{answer:?}");
                let name = text.split([' ', '{', ')', ',', ']']).next().unwrap().replace('[', "");
                *seen.entry(name).or_insert(0) += 1;
            }
        }
    }
    for name in [
        "Done",
        "Registered",
        "WorkflowPut",
        "WorkflowDeleted",
        "Stored",
        "Fired(Started",
        "Fired(Queued",
        "Fired(Skipped",
        "Fired(Replaced",
        "RunStarted",
        "Assigned",
        "Advanced(Ok",
        "Advanced(Fenced",
        "Advanced(Gap",
        "Advanced(Duplicate",
        "Rejected(EpochConflict",
        "Rejected(VersionConflict",
        "Rejected(NodeTransition",
        "Rejected(ClaimedByAnother",
        "Rejected(Released",
        "Rejected(NodeNotUp",
        "Rejected(RunHalted",
        "Rejected(RunPinned",
        "Rejected(RunIncomplete",
        "Rejected(RunDiscovered",
        "Rejected(PartitionDone",
        "Rejected(NotClaimed",
    ] {
        assert!(seen.get(name).is_some_and(|count| *count >= 10), "{name}: {seen:?}");
    }
    assert!(partitions.len() > 50);
    assert!(complete.len() > 20, "{complete:?}");
}

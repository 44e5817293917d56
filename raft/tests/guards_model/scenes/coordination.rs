use etl_raft_state::command::{Assign, Claim, FinishRun, Holder, Release};
use etl_raft_state::parts::{RunOutcome, RunPhase};
use etl_raft_state::{Command, PartitionKey, State};

use crate::scene::{
    COORDINATOR, RUNS, Scene, View, add, after, coordinated, epoch_at, epoch_of, partition, running,
};

fn coordinator() -> PartitionKey {
    PartitionKey::coordinator(RUNS[0])
}

fn assign_coordinator(view: &View<'_>, owner: u64) -> Option<Command> {
    let expected_epoch = epoch_at(view.state, &coordinator());
    Some(Assign { partition: coordinator(), owner, expected_epoch }.into())
}

/// Takes the coordination that it sees given to its node under a later epoch than the first.
fn claim(view: &View<'_>, node: u64, incarnation: u64) -> Option<Command> {
    let epoch = later(view.state, node)?;
    Some(Claim { partition: coordinator(), epoch, node, incarnation }.into())
}

fn later(state: &State, node: u64) -> Option<u64> {
    let seen = state.assignments().get(&coordinator())?;
    (seen.owner == node && seen.epoch > COORDINATOR.epoch).then_some(seen.epoch)
}

fn completed(by: Option<Holder>) -> Option<Command> {
    Some(FinishRun { run: RUNS[0], outcome: RunOutcome::Completed, by }.into())
}

fn is_completed(state: &State) -> bool {
    let completed = RunPhase::Finished(RunOutcome::Completed);
    state.runs().get(RUNS[0]).is_some_and(|run| run.phase == completed)
}

/// The coordination goes to another node, which finds something else, while the first is paused.
pub fn moves() -> Scene {
    Scene {
        name: "coordination moves",
        beginning: after(coordinated()),
        actors: vec![
            vec![|view| assign_coordinator(view, 2)],
            vec![|_| Some(add(COORDINATOR, "p", false).into()), |_| Some(add(COORDINATOR, "q", true).into())],
            vec![|view| claim(view, 2, 20), |view| {
                let holder = Holder { node: 2, incarnation: 20, epoch: later(view.state, 2)? };
                Some(add(holder, "r", true).into())
            }],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| {
            state.partitions().count(RUNS[0]) == 2
                && state.runs().get(RUNS[0]).is_some_and(|run| run.discovered)
        },
    }
}

/// The coordination comes back to the process that had it; what that has sent before arrives late.
pub fn comes_back() -> Scene {
    let mut beginning = coordinated();
    beginning.push(add(COORDINATOR, "p", false).into());
    beginning.extend(done());
    Scene {
        name: "coordination comes back",
        beginning: after(beginning),
        actors: vec![
            vec![|view| assign_coordinator(view, 1)],
            vec![|_| Some(add(COORDINATOR, "p", true).into()), |_| completed(Some(COORDINATOR)), |view| {
                claim(view, 1, COORDINATOR.incarnation)
            }],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: is_completed,
    }
}

/// The partition is read to its end by node 1.
fn done() -> Vec<Command> {
    let (node, incarnation, epoch) = (1, 11, 1);
    vec![
        Assign { partition: partition(0), owner: node, expected_epoch: 0 }.into(),
        Claim { partition: partition(0), epoch, node, incarnation }.into(),
        Release { partition: partition(0), epoch, node, incarnation, checkpoints: Vec::new(), done: true }
            .into(),
    ]
}

/// All is done: the coordinator that is replaced, its successor and somebody else say so.
pub fn finishers() -> Scene {
    let mut beginning = coordinated();
    beginning.push(add(COORDINATOR, "p", true).into());
    beginning.extend(done());
    Scene {
        name: "finishers",
        beginning: after(beginning),
        actors: vec![
            vec![|view| assign_coordinator(view, 2)],
            vec![|_| completed(Some(COORDINATOR))],
            vec![|view| claim(view, 2, 20), |view| {
                completed(Some(Holder { node: 2, incarnation: 20, epoch: later(view.state, 2)? }))
            }],
            vec![|_| completed(None)],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: is_completed,
    }
}

/// The partition moves while it is being finished, and a coordinator does not wait for it.
pub fn last_partition() -> Scene {
    let assign = |view: &View<'_>| {
        let expected_epoch = epoch_of(view.state);
        Some(Assign { partition: partition(0), owner: 1, expected_epoch }.into())
    };
    Scene {
        name: "last partition",
        beginning: after(running()),
        actors: vec![
            vec![assign, assign],
            vec![
                |view| {
                    let epoch = view.state.assignments().get(&partition(0))?.epoch;
                    Some(Claim { partition: partition(0), epoch, node: 1, incarnation: 11 }.into())
                },
                // Whatever it was told, under whatever epoch it sees.
                |view| {
                    let epoch = view.state.assignments().get(&partition(0))?.epoch;
                    let (node, incarnation, checkpoints) = (1, 11, Vec::new());
                    let partition = partition(0);
                    Some(Release { partition, epoch, node, incarnation, checkpoints, done: true }.into())
                },
            ],
            vec![|_| Some(add(COORDINATOR, "p", true).into()), |_| completed(Some(COORDINATOR))],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: is_completed,
    }
}

use etl_raft_state::Command;
use etl_raft_state::command::{Assign, Claim, FinishRun, ForgetProgress, HaltRun, ResumeRun, StartRun};
use etl_raft_state::parts::{Halt, Run, RunOutcome};

use crate::scene::{COORDINATOR, RUNS, Scene, View, WORKFLOW, add, after, epoch_of, partition, put, running};

fn pause(_: &View<'_>) -> Option<Command> {
    Some(HaltRun { run: RUNS[0], halt: Halt::Paused, by: None }.into())
}

/// With the version that it sees in force.
fn go_on(view: &View<'_>) -> Option<Command> {
    let version = view.state.workflows().current_version(WORKFLOW);
    Some(ResumeRun { run: RUNS[0], version, takes_over: false }.into())
}

/// Also when it runs.
fn take_over(view: &View<'_>) -> Option<Command> {
    let version = view.state.workflows().current_version(WORKFLOW);
    Some(ResumeRun { run: RUNS[0], version, takes_over: true }.into())
}

/// A run is halted while its partitions are found, given away and claimed.
pub fn halt() -> Scene {
    Scene {
        name: "halt",
        beginning: after(running()),
        actors: vec![
            vec![pause, go_on],
            vec![|view| {
                let expected_epoch = epoch_of(view.state);
                Some(Assign { partition: partition(0), owner: 1, expected_epoch }.into())
            }],
            vec![|view| {
                let epoch = view.state.assignments().get(&partition(0))?.epoch;
                Some(Claim { partition: partition(0), epoch, node: 1, incarnation: 11 }.into())
            }],
            vec![|_| Some(add(COORDINATOR, "q", true).into())],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| {
            state.runs().get(RUNS[0]).is_some_and(Run::is_halted)
                && state.assignments().get(&partition(0)).is_some_and(|held| held.claimed_by == Some(11))
                && state.partitions().count(RUNS[0]) == 2
        },
    }
}

/// A run is resumed with a version that is in force when it is asked for, or taken over by one, while another comes.
pub fn resume() -> Scene {
    Scene {
        name: "resume",
        beginning: after(running()),
        actors: vec![
            vec![pause, go_on],
            vec![|_| Some(put(2, None).into()), |_| Some(put(3, None).into())],
            vec![take_over],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| state.runs().get(RUNS[0]).is_some_and(|run| run.version == 3 && !run.is_halted()),
    }
}

/// With the halted run and the last finished one that it sees.
fn forget(view: &View<'_>) -> Option<Command> {
    let runs = view.state.runs();
    let halted = runs.active(WORKFLOW).filter(|run| runs.get(*run).is_some_and(Run::is_halted));
    let last = runs.finished(WORKFLOW).next().map(|(run, _)| run);
    Some(ForgetProgress { workflow: WORKFLOW.into(), halted, last }.into())
}

/// Progress is forgotten while the run is halted, goes on, ends and is followed by another.
pub fn forgetting() -> Scene {
    Scene {
        name: "forgetting",
        beginning: after(running()),
        actors: vec![
            vec![pause, go_on],
            vec![forget],
            vec![|view| {
                let replaces = view.state.runs().active(WORKFLOW);
                let run = StartRun {
                    run: RUNS[1],
                    workflow: WORKFLOW.into(),
                    expected_version: None,
                    replaces,
                    pinned: None,
                    hosts: Default::default(),
                    parameters: Default::default(),
                };
                Some(run.into())
            }],
            vec![|_| Some(FinishRun { run: RUNS[0], outcome: RunOutcome::Cancelled, by: None }.into())],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| {
            let ended = state.runs().get(RUNS[0]).is_some_and(Run::is_finished);
            ended && state.runs().active(WORKFLOW).is_none() && state.partitions().count(RUNS[0]) == 0
        },
    }
}

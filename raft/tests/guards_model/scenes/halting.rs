use etl_raft_state::Command;
use etl_raft_state::command::{Assign, Claim, HaltRun, ResumeRun};
use etl_raft_state::parts::{Halt, Run};

use crate::scene::{COORDINATOR, RUNS, Scene, View, WORKFLOW, add, after, epoch_of, partition, put, running};

fn pause(_: &View<'_>) -> Option<Command> {
    Some(HaltRun { run: RUNS[0], halt: Halt::Paused, by: None }.into())
}

/// With the version that it sees in force.
fn go_on(view: &View<'_>) -> Option<Command> {
    let version = view.state.workflows().current_version(WORKFLOW);
    Some(ResumeRun { run: RUNS[0], version }.into())
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

/// A run is resumed with a version that is in force when it is asked for, while another comes.
pub fn resume() -> Scene {
    Scene {
        name: "resume",
        beginning: after(running()),
        actors: vec![
            vec![pause, go_on],
            vec![|_| Some(put(2, None).into()), |_| Some(put(3, None).into())],
            vec![go_on],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| state.runs().get(RUNS[0]).is_some_and(|run| run.version == 3 && !run.is_halted()),
    }
}

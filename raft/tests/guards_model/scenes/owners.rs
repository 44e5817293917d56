use etl_raft_state::command::{
    AdvanceCheckpoints, Assign, BeginDrain, CheckpointItem, Claim, Progress, Release,
};
use etl_raft_state::parts::{Assignment, AssignmentState};
use etl_raft_state::{Command, Response, State};

use crate::scene::{Scene, View, after, epoch_of, partition, route, running};

fn assign(view: &View<'_>, owner: u64) -> Option<Command> {
    Some(Assign { partition: partition(0), owner, expected_epoch: epoch_of(view.state) }.into())
}

fn assignment(state: &State) -> Option<&Assignment> {
    state.assignments().get(&partition(0))
}

/// Claims what it sees assigned to its node.
fn claim(view: &View<'_>, node: u64, incarnation: u64) -> Option<Command> {
    let seen = assignment(view.state).filter(|seen| seen.owner == node)?;
    Some(Claim { partition: partition(0), epoch: seen.epoch, node, incarnation }.into())
}

/// The epoch that it has claimed last, as far as it was told.
fn claimed(view: &View<'_>) -> Option<u64> {
    view.mine.iter().rev().find_map(|sent| match (&sent.envelope.command, &sent.answer) {
        (Command::Claim(claim), Some(Response::Done)) => Some(claim.epoch),
        _ => None,
    })
}

/// One unit more than it has sent, under the epoch that it has claimed.
fn advance(view: &View<'_>, node: u64, incarnation: u64) -> Option<Command> {
    advance_under(view, node, incarnation, claimed(view)?)
}

fn advance_under(view: &View<'_>, node: u64, incarnation: u64, epoch: u64) -> Option<Command> {
    // What it has sent and not been told of counts as done: it sends on.
    let sent = view.mine.iter().filter_map(|sent| match &sent.envelope.command {
        Command::AdvanceCheckpoints(advance) => advance.items.first().map(|item| item.progress.seq_to),
        _ => None,
    });
    let seq_from = sent.max().unwrap_or(0).max(seq(view.state));
    let position = vec![seq_from as u8 + 1];
    let progress = Progress { seq_from, seq_to: seq_from + 1, position };
    let items = vec![CheckpointItem { route: route(), epoch, progress }];
    Some(AdvanceCheckpoints { node, incarnation, items }.into())
}

/// All since what it sees to be stored, with one unit more than it has sent: what it does when it was not told for a while.
fn send_again(view: &View<'_>, node: u64, incarnation: u64) -> Option<Command> {
    let mut command = advance(view, node, incarnation)?;
    if let Command::AdvanceCheckpoints(advance) = &mut command {
        advance.items.iter_mut().for_each(|item| item.progress.seq_from = seq(view.state));
    }
    Some(command)
}

fn release(view: &View<'_>, node: u64, incarnation: u64) -> Option<Command> {
    let epoch = claimed(view)?;
    Some(
        Release { partition: partition(0), epoch, node, incarnation, checkpoints: Vec::new(), done: false }
            .into(),
    )
}

fn seq(state: &State) -> u64 {
    state.checkpoints().get(&route()).map_or(0, |checkpoint| checkpoint.seq)
}

/// Two who place partitions, of whom one is late, and two owners, of whom one is paused.
pub fn two_nodes() -> Scene {
    Scene {
        name: "two nodes",
        beginning: after(running()),
        actors: vec![
            vec![|view| assign(view, 1), |view| assign(view, 2)],
            vec![|view| assign(view, 1)],
            vec![|view| claim(view, 1, 11), |view| advance(view, 1, 11)],
            // Claims whatever it sees, as one does that mistakes itself for the owner.
            vec![|view| {
                let epoch = assignment(view.state)?.epoch;
                Some(Claim { partition: partition(0), epoch, node: 2, incarnation: 21 }.into())
            }],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| seq(state) == 1 && assignment(state).is_some_and(|held| held.claimed_by == Some(21)),
    }
}

/// The partition comes back to the process that had it; what that has sent before arrives late.
pub fn same_process() -> Scene {
    Scene {
        name: "same process",
        beginning: after(running()),
        actors: vec![
            vec![|view| assign(view, 1), |view| assign(view, 1)],
            vec![
                |view| claim(view, 1, 11),
                |view| advance(view, 1, 11),
                |view| advance(view, 1, 11),
                |view| send_again(view, 1, 11),
                |view| claim(view, 1, 11),
            ],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| {
            seq(state) == 2
                && assignment(state).is_some_and(|held| held.epoch == 2 && held.claimed_by.is_some())
        },
    }
}

/// A process is started again while another of the same node still runs, or something of it is under way.
pub fn restart() -> Scene {
    Scene {
        name: "restart",
        beginning: after(running()),
        actors: vec![
            vec![|view| assign(view, 1)],
            vec![|view| claim(view, 1, 11), |view| advance(view, 1, 11)],
            vec![
                |view| claim(view, 1, 12),
                // Goes on under the epoch that it has asked for, whatever it was told.
                |view| advance_under(view, 1, 12, assignment(view.state)?.epoch),
            ],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| seq(state) == 1,
    }
}

/// An owner lets go, or is asked to, of what it has got again meanwhile.
pub fn letting_go() -> Scene {
    Scene {
        name: "letting go",
        beginning: after(running()),
        actors: vec![
            vec![|view| assign(view, 1), |view| assign(view, 1)],
            vec![|view| claim(view, 1, 11), |view| release(view, 1, 11), |view| claim(view, 1, 11)],
            vec![|view| {
                let epoch = assignment(view.state)?.epoch;
                Some(BeginDrain { partition: partition(0), epoch, to: Some(2) }.into())
            }],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| {
            assignment(state).is_some_and(|held| held.epoch == 2 && held.state == AssignmentState::Released)
                || assignment(state).is_some_and(|held| held.epoch == 2 && held.claimed_by == Some(11))
        },
    }
}

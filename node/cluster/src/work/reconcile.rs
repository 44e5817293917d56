use std::collections::BTreeMap;

use etl_raft_state::parts::{Assignment, AssignmentState, Halt, RunPhase};
use etl_raft_state::{NodeId, PartitionKey};

/// An assignment of this node with the phase of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub assignment: Assignment,
    pub phase: RunPhase,
}

/// What runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It goes on.
    Running,
    /// It was asked to end in good order, or at once.
    Ending,
}

/// What has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    /// Claim it and go on where its markers are.
    Begin,
    /// Commit what has been read, then let go of it.
    Drain,
    /// Stop at once: nothing may be committed for this node any more, or need be.
    Kill,
    /// Nothing of it runs here: say so.
    Release,
}

/// Compares what is assigned to this node with what runs on it. Of an assignment that is somebody else's, or whose run
/// is over, nothing may go on here.
pub(crate) fn reconcile(
    me: NodeId,
    wanted: &BTreeMap<PartitionKey, Wanted>,
    here: &BTreeMap<PartitionKey, Stage>,
) -> Vec<(PartitionKey, Action)> {
    let mine = |wanted: &Wanted| {
        wanted.assignment.owner == me && wanted.assignment.state != AssignmentState::Released
    };
    let mut actions = Vec::new();
    for (key, stage) in here {
        let action = match (wanted.get(key).filter(|wanted| mine(wanted)), stage) {
            (_, Stage::Ending) => None,
            (None, Stage::Running) => Some(Action::Kill),
            (Some(wanted), Stage::Running) => going_on(wanted),
        };
        actions.extend(action.map(|action| (key.clone(), action)));
    }
    for (key, wanted) in wanted {
        if !here.contains_key(key) && mine(wanted) {
            actions.extend(beginning(wanted).map(|action| (key.clone(), action)));
        }
    }
    actions
}

fn going_on(wanted: &Wanted) -> Option<Action> {
    match (&wanted.phase, wanted.assignment.state) {
        (RunPhase::Running, AssignmentState::Assigned) => None,
        (RunPhase::Halted(Halt::Failed { .. }) | RunPhase::Queued | RunPhase::Finished(_), _) => {
            Some(Action::Kill)
        }
        (RunPhase::Running | RunPhase::Halted(Halt::Paused), _) => Some(Action::Drain),
    }
}

fn beginning(wanted: &Wanted) -> Option<Action> {
    match (&wanted.phase, wanted.assignment.state) {
        (RunPhase::Running, AssignmentState::Assigned) => Some(Action::Begin),
        (_, AssignmentState::Draining { .. }) | (RunPhase::Halted(_), AssignmentState::Assigned) => {
            Some(Action::Release)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ME: NodeId = 7;

    fn key() -> PartitionKey {
        PartitionKey { run: Uuid::nil(), source: "s".to_owned(), partition: "p".to_owned() }
    }

    fn wanted(owner: NodeId, state: AssignmentState, phase: RunPhase) -> Wanted {
        let assignment = Assignment { owner, epoch: 3, state, claimed_by: None, since_ms: 0 };
        Wanted { assignment, phase }
    }

    fn decided(wanted: Option<Wanted>, here: Option<Stage>) -> Option<Action> {
        let wanted = wanted.map(|wanted| (key(), wanted)).into_iter().collect();
        let here = here.map(|stage| (key(), stage)).into_iter().collect();
        let actions = reconcile(ME, &wanted, &here);
        assert!(actions.len() <= 1);
        actions.first().map(|(_, action)| *action)
    }

    #[test]
    fn what_is_assigned_here_runs_here() {
        let assigned = || Some(wanted(ME, AssignmentState::Assigned, RunPhase::Running));
        assert_eq!(decided(assigned(), None), Some(Action::Begin));
        assert_eq!(decided(assigned(), Some(Stage::Running)), None);
        assert_eq!(decided(assigned(), Some(Stage::Ending)), None, "first it ends, then it begins again");
    }

    #[test]
    fn nothing_runs_here_that_is_not_this_nodes() {
        let released = wanted(ME, AssignmentState::Released, RunPhase::Running);
        let others = wanted(ME + 1, AssignmentState::Assigned, RunPhase::Running);
        for wanted in [None, Some(released), Some(others)] {
            assert_eq!(decided(wanted.clone(), Some(Stage::Running)), Some(Action::Kill));
            assert_eq!(decided(wanted, None), None);
        }
    }

    #[test]
    fn a_partition_that_is_to_move_is_drained_and_let_go_of() {
        let draining = || Some(wanted(ME, AssignmentState::Draining { to: Some(2) }, RunPhase::Running));
        assert_eq!(decided(draining(), Some(Stage::Running)), Some(Action::Drain));
        assert_eq!(decided(draining(), Some(Stage::Ending)), None);
        assert_eq!(decided(draining(), None), Some(Action::Release));
    }

    #[test]
    fn a_pause_finishes_what_is_under_way_and_a_failure_does_not() {
        let halted = |halt| Some(wanted(ME, AssignmentState::Assigned, RunPhase::Halted(halt)));
        let failed = || Halt::Failed { message: String::new() };
        assert_eq!(decided(halted(Halt::Paused), Some(Stage::Running)), Some(Action::Drain));
        assert_eq!(decided(halted(failed()), Some(Stage::Running)), Some(Action::Kill));
        assert_eq!(decided(halted(Halt::Paused), None), Some(Action::Release));
        assert_eq!(decided(halted(failed()), None), Some(Action::Release));
    }
}

use etl_raft::NodeId;
use etl_raft_state::command::SetNodeState;
use etl_raft_state::parts::{Assignment, AssignmentState};
use etl_raft_state::{NodeState, Rejection, State};

use super::Shared;
use crate::refusal::{Kind, Refusal};

/// How often a state that others change at the same time is read again.
const ATTEMPTS: usize = 5;

/// What is known about a node that is to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub state: NodeState,
    /// Partitions that are assigned to it and that it has not let go of.
    pub partitions: u64,
}

/// What a call does to a node in a certain state.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is as it is wanted.
    Done,
    /// It has to become this first.
    Become(NodeState),
    /// It cannot be.
    Refuse(Refusal),
}

impl Shared {
    /// Returns how many partitions have yet to leave.
    pub(super) async fn drain_node(&self, node: NodeId) -> Result<u64, Refusal> {
        self.move_node(node, drain).await
    }

    pub(super) async fn resume_node(&self, node: NodeId) -> Result<(), Refusal> {
        self.move_node(node, resume).await.map(drop)
    }

    /// Brings a node where `step` says that it is done; returns its partitions.
    pub(super) async fn move_node(
        &self,
        node: NodeId,
        step: impl Fn(NodeId, NodeState) -> Step,
    ) -> Result<u64, Refusal> {
        for _ in 0..ATTEMPTS {
            let standing = self.consensus.read(move |state| standing(state, node)).await?;
            let Standing { state: from, partitions } = standing.ok_or_else(|| unknown(node))?;
            let to = match step(node, from) {
                Step::Done => return Ok(partitions),
                Step::Become(to) => to,
                Step::Refuse(refusal) => return Err(refusal),
            };
            let response = self.consensus.write(SetNodeState { node, from, to }).await?;
            match response.into_result() {
                // The same step again says that it is done, or what is next.
                Ok(_) | Err(Rejection::NodeStateConflict { .. }) => {}
                Err(rejection) => return Err(rejection.into()),
            }
        }
        let message = format!("the state of node {node} is being changed by others at the same time");
        Err(Refusal::new(Kind::Conflict, "conflict", message).help("try again"))
    }
}

pub(super) fn standing(state: &State, node: NodeId) -> Option<Standing> {
    let known = state.nodes().get(node)?;
    // What it has let go of is named after it until somebody else is given it.
    let held = |assignment: &Assignment| assignment.state != AssignmentState::Released;
    let partitions = state.assignments().of_owner(node).filter(|(_, assignment)| held(assignment)).count();
    Some(Standing { state: known.state, partitions: partitions as u64 })
}

pub(super) fn unknown(node: NodeId) -> Refusal {
    Refusal::new(Kind::NotFound, "unknown_node", format!("there is no node {node}"))
        .help("see `cluster status` for the nodes there are")
}

fn refuse(code: &str, message: String, help: &str) -> Step {
    Step::Refuse(Refusal::new(Kind::Precondition, code, message).help(help))
}

fn gone(node: NodeId) -> Step {
    refuse(
        "node_removed",
        format!("node {node} was removed for ever"),
        "start it with an empty data directory; it then joins as a new node",
    )
}

fn drain(node: NodeId, state: NodeState) -> Step {
    match state {
        NodeState::Draining => Step::Done,
        NodeState::Up => Step::Become(NodeState::Draining),
        NodeState::Joining => refuse(
            "node_joining",
            format!("node {node} is joining; there is nothing on it to drain"),
            "wait until it is up, or remove it",
        ),
        NodeState::Down => refuse(
            "node_down",
            format!("node {node} is down; its partitions continue on other nodes"),
            "start it again and drain it then, or remove it with --force",
        ),
        NodeState::Removed => gone(node),
    }
}

fn resume(node: NodeId, state: NodeState) -> Step {
    match state {
        NodeState::Up => Step::Done,
        NodeState::Draining => Step::Become(NodeState::Up),
        NodeState::Joining => refuse(
            "node_joining",
            format!("node {node} is joining; it is not being drained"),
            "wait: it is declared up when it has caught up",
        ),
        NodeState::Down => refuse(
            "node_down",
            format!("node {node} is down"),
            "start it again; when it was being drained it goes on with that, and can be resumed then",
        ),
        NodeState::Removed => gone(node),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [NodeState; 5] =
        [NodeState::Joining, NodeState::Up, NodeState::Draining, NodeState::Down, NodeState::Removed];

    #[test]
    fn every_step_is_one_that_the_state_allows_and_leads_to_the_end() {
        for step in [drain, resume] {
            for mut state in STATES {
                let mut steps = 0;
                while let Step::Become(to) = step(7, state) {
                    assert!(state.may_become(to), "{state} -> {to}");
                    (state, steps) = (to, steps + 1);
                    assert!(steps < ATTEMPTS);
                }
            }
        }
        assert_eq!(drain(7, NodeState::Up), Step::Become(NodeState::Draining));
        assert_eq!(resume(7, NodeState::Draining), Step::Become(NodeState::Up));
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        for step in [drain, resume] {
            for state in [NodeState::Joining, NodeState::Down, NodeState::Removed] {
                let Step::Refuse(refusal) = step(7, state) else { unreachable!("{state}") };
                assert_eq!(refusal.kind, Kind::Precondition);
                assert!(refusal.help.is_some());
            }
        }
    }
}

use std::collections::{BTreeMap, BTreeSet};

use etl_raft_state::parts::{Assignment, AssignmentState, Run, RunPhase};
use etl_raft_state::{EpochKey, NodeId, NodeState, PartitionKey, State};

use super::trust::is_distrusted;

/// What placement goes by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scene {
    /// All that are members, in the order of their ids.
    pub nodes: Vec<(NodeId, NodeState)>,
    /// Those that are given nothing for the time being, because they come and go.
    pub distrusted: BTreeSet<NodeId>,
    /// What has to have an owner: the coordinators and the open partitions of the running runs.
    pub items: Vec<Item>,
}

/// A partition or coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub key: PartitionKey,
    /// The only node on which it may run, if there is one.
    pub pinned: Option<NodeId>,
    pub assignment: Option<Assignment>,
    /// Its last epoch, also of earlier runs.
    pub epoch: u64,
    /// For whom this leader has asked for it.
    pub promised: Option<NodeId>,
}

impl Scene {
    /// Reads it off the state. `now_ms` is the time since 1970.
    pub fn of(state: &State, promises: &BTreeMap<PartitionKey, NodeId>, now_ms: u64) -> Self {
        let distrusted = state.nodes().members().filter(|(_, node)| is_distrusted(node, now_ms));
        let distrusted = distrusted.map(|(id, _)| id).collect();
        let nodes = state.nodes().members().map(|(id, node)| (id, node.state)).collect();
        let mut items = Vec::new();
        each(state, |run, key| {
            let epoch_key = EpochKey {
                workflow: run.workflow.clone(),
                source: key.source.clone(),
                partition: key.partition.clone(),
            };
            items.push(Item {
                pinned: run.pinned,
                assignment: state.assignments().get(key).cloned(),
                epoch: state.epochs().current(&epoch_key, state.meta()),
                promised: promises.get(key).copied(),
                key: key.clone(),
            });
        });
        Self { nodes, distrusted, items }
    }

    /// Whether everything is where it can be worked on, or on its way from such a place: then only balance is left to
    /// look after. Cheap enough to be asked after every entry.
    pub fn is_calm(state: &State) -> bool {
        let mut is_calm = true;
        let state_of = |node| state.nodes().get(node).map(|node| node.state);
        each(state, |run, key| {
            is_calm = is_calm && is_in_place(run.pinned, state.assignments().get(key), state_of);
        });
        is_calm
    }
}

/// Whether nothing can be done for a partition: it is where it can be worked on, on its way from there, or waits for the only
/// node that has its files.
fn is_in_place(
    pinned: Option<NodeId>,
    assignment: Option<&Assignment>,
    state_of: impl Fn(NodeId) -> Option<NodeState>,
) -> bool {
    let waits = pinned.is_some_and(|home| state_of(home) != Some(NodeState::Up));
    let Some(known) = assignment else { return waits };
    match (known.state, state_of(known.owner)) {
        (AssignmentState::Assigned, Some(NodeState::Up)) => true,
        (AssignmentState::Assigned, Some(NodeState::Draining)) => false,
        (AssignmentState::Draining { .. }, Some(NodeState::Up | NodeState::Draining)) => true,
        _ => waits,
    }
}

/// The coordinators and the open partitions of the running runs.
fn each(state: &State, mut visit: impl FnMut(&Run, &PartitionKey)) {
    for (id, run) in state.runs().iter().filter(|(_, run)| run.phase == RunPhase::Running) {
        visit(run, &PartitionKey::coordinator(id));
        if state.partitions().open(id) > 0 {
            let open = state.partitions().of_run(id).filter(|(_, row)| !row.done);
            open.for_each(|(key, _)| visit(run, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::decide::decide;
    use super::*;

    const STATES: [NodeState; 5] =
        [NodeState::Joining, NodeState::Up, NodeState::Down, NodeState::Draining, NodeState::Removed];

    /// Every pinned node, owner, state of the assignment and pair of states of two nodes.
    #[test]
    fn what_is_in_place_needs_nothing_and_what_needs_something_is_not_in_place() {
        let mut assignments = vec![None];
        for owner in [1, 2] {
            for state in [
                AssignmentState::Assigned,
                AssignmentState::Released,
                AssignmentState::Draining { to: None },
                AssignmentState::Draining { to: Some(2) },
            ] {
                assignments.push(Some(Assignment { owner, epoch: 5, state, claimed_by: None, since_ms: 0 }));
            }
        }
        let mut waiting = 0;
        for (first, second) in STATES.iter().flat_map(|a| STATES.iter().map(move |b| (*a, *b))) {
            let nodes = vec![(1, first), (2, second)];
            let state_of = |node: NodeId| nodes.iter().find(|(id, _)| *id == node).map(|(_, state)| *state);
            for pinned in [None, Some(1), Some(2)] {
                for assignment in &assignments {
                    let key =
                        PartitionKey { run: Uuid::nil(), source: "s".to_owned(), partition: "p".to_owned() };
                    let item = Item { key, pinned, assignment: assignment.clone(), epoch: 5, promised: None };
                    let distrusted = BTreeSet::new();
                    let scene = Scene { nodes: nodes.clone(), distrusted, items: vec![item] };
                    let commands = decide(&scene, false);
                    let is_calm = is_in_place(pinned, assignment.as_ref(), state_of);
                    assert!(
                        !is_calm || commands.is_empty(),
                        "{first} {second} {pinned:?} {assignment:?}: {commands:?}"
                    );
                    let is_down = pinned.is_some_and(|home| state_of(home) == Some(NodeState::Down));
                    if is_down && assignment.as_ref().is_none_or(|known| Some(known.owner) == pinned) {
                        waiting += 1;
                        assert!(is_calm, "nobody has to look while its node is away: {assignment:?}");
                    }
                }
            }
        }
        assert!(waiting > 10);
    }
}

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
        let is = |node, wanted| state.nodes().get(node).is_some_and(|node| node.state == wanted);
        each(state, |_, key| {
            is_calm = is_calm
                && state.assignments().get(key).is_some_and(|known| match known.state {
                    AssignmentState::Assigned => is(known.owner, NodeState::Up),
                    AssignmentState::Draining { .. } => {
                        is(known.owner, NodeState::Up) || is(known.owner, NodeState::Draining)
                    }
                    AssignmentState::Released => false,
                });
        });
        is_calm
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

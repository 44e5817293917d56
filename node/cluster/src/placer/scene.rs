use etl_raft_state::parts::{Assignment, RunPhase};
use etl_raft_state::{EpochKey, NodeId, NodeState, PartitionKey, State};

/// What placement goes by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scene {
    /// All that are members, in the order of their ids.
    pub nodes: Vec<(NodeId, NodeState)>,
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
}

impl Scene {
    pub fn of(state: &State) -> Self {
        let nodes = state.nodes().members().map(|(id, node)| (id, node.state)).collect();
        let mut items = Vec::new();
        for (id, run) in state.runs().iter().filter(|(_, run)| run.phase == RunPhase::Running) {
            let mut add = |key: PartitionKey| {
                let epoch_key = EpochKey {
                    workflow: run.workflow.clone(),
                    source: key.source.clone(),
                    partition: key.partition.clone(),
                };
                items.push(Item {
                    pinned: run.pinned,
                    assignment: state.assignments().get(&key).cloned(),
                    epoch: state.epochs().current(&epoch_key, state.meta()),
                    key,
                });
            };
            add(PartitionKey::coordinator(id));
            if state.partitions().open(id) > 0 {
                let open = state.partitions().of_run(id).filter(|(_, row)| !row.done);
                open.for_each(|(key, _)| add(key.clone()));
            }
        }
        Self { nodes, items }
    }
}

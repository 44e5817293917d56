use std::collections::HashMap;

use etl_model::{PartitionId, Position, RunId, StepName};
use etl_raft_state::parts::RunPhase;
use etl_raft_state::{RunOutcome, State};
use uuid::Uuid;

use crate::decode_marker;

/// What earlier runs of a workflow mean for one of them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Earlier {
    /// Those that have ended: their markers may be replaced.
    pub replaces: Vec<RunId>,
    /// Where an incremental run begins: behind what the last completed run has delivered everywhere.
    pub starts: HashMap<(StepName, PartitionId), Position>,
}

impl Earlier {
    /// Reads it off the state.
    pub fn of(state: &State, workflow: &str) -> Self {
        let runs = state.runs();
        let replaces = runs.finished(workflow).map(|(id, _)| RunId::from(id)).collect();
        let completed = RunPhase::Finished(RunOutcome::Completed);
        let last = runs.finished(workflow).find(|(_, run)| run.phase == completed).map(|(id, _)| id);
        Self { replaces, starts: last.map(|run| positions(state, run)).unwrap_or_default() }
    }
}

/// By partition the least position over its destinations.
fn positions(state: &State, run: Uuid) -> HashMap<(StepName, PartitionId), Position> {
    let mut positions: HashMap<(StepName, PartitionId), Position> = HashMap::new();
    for (route, checkpoint) in state.checkpoints().of_run(run) {
        let position = decode_marker(&checkpoint.position).and_then(|marker| marker.position);
        let (Some(position), Ok(source)) = (position, StepName::new(&route.partition.source)) else {
            continue;
        };
        let key = (source, PartitionId(route.partition.partition.clone()));
        let least = positions.entry(key).or_insert_with(|| position.clone());
        if position.next < least.next {
            *least = position;
        }
    }
    positions
}

use serde::{Deserialize, Serialize};

use super::apply::Apply;
use crate::keys::{NodeId, RouteKey};
use crate::moment::Moment;
use crate::rejection::Rejection;
use crate::response::{Advance, Response};
use crate::state::State;

/// How far the partitions of one node have come. Answered by [`Response::Advanced`] with one result per item, in order:
/// an item that is refused does not hold up the others.
///
/// Checkpoints of class A are hints, the markers at the destinations are the truth; they may lag behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdvanceCheckpoints {
    pub node: NodeId,
    /// The process that has claimed the partitions.
    pub incarnation: u64,
    pub items: Vec<CheckpointItem>,
}

/// How far one partition has come towards one destination under an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointItem {
    pub route: RouteKey,
    pub epoch: u64,
    pub progress: Progress,
}

/// The units from `seq_from` (exclusive) to `seq_to` (inclusive) are durable at the destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The unit that the sender knew to be checkpointed; 0 before the first.
    pub seq_from: u64,
    /// The last unit committed.
    pub seq_to: u64,
    /// The place after `seq_to` with the counters up to there, opaque here; at most
    /// [`MAX_POSITION`](crate::limits::MAX_POSITION) bytes.
    #[serde(with = "serde_bytes")]
    pub position: Vec<u8>,
}

impl Apply for AdvanceCheckpoints {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        state.nodes.present(self.node)?;
        let advances = self.items.iter().map(|item| self.advance(state, item, at)).collect();
        Ok(Response::Advanced(advances))
    }
}

impl AdvanceCheckpoints {
    fn advance(&self, state: &mut State, item: &CheckpointItem, at: Moment) -> Advance {
        let partition = &item.route.partition;
        let Some(assignment) = state.assignments.get(partition) else {
            return Advance::Fenced { epoch: 0 };
        };
        if !assignment.is_held_by(self.node, self.incarnation, item.epoch) {
            return Advance::Fenced { epoch: assignment.epoch };
        }
        let advance = state.checkpoints.judge(&item.route, &item.progress);
        if advance == Advance::Ok {
            state.checkpoints.advance(item.route.clone(), item.epoch, &item.progress, at);
        }
        advance
    }
}

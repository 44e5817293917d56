use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::apply::Apply;
use crate::keys::NodeId;
use crate::limits::{MAX_NAME, MAX_SHARDS, within};
use crate::moment::Moment;
use crate::parts::{NodeState, Run, RunPhase};
use crate::rejection::{Kind, Rejection};
use crate::response::Response;
use crate::state::State;

/// Says which nodes carry out shards of a run's destinations, all of these or none. Answered by [`Response::Done`], also
/// for a shard that is where it should go already.
///
/// Refused: when the run waits or is finished or has another version, a shard is neither where it should go nor where it is
/// expected to be, the node is not up, and when there are too many shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostShards {
    pub run: Uuid,
    /// Of the workflow: another one may have other shards.
    pub version: u64,
    pub moves: Vec<ShardMove>,
}

/// A shard that a node is to carry out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardMove {
    /// The destination step and the shard, as in `orders.3of8`.
    pub shard: String,
    /// Who carries it out so far; absent when nobody does.
    pub from: Option<NodeId>,
    pub to: NodeId,
}

impl Apply for HostShards {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        let Some(run) = state.runs.get(self.run).cloned() else {
            return Err(Kind::Run.not_found(&self.run.to_string()));
        };
        match run.phase {
            RunPhase::Queued => return Err(Rejection::RunQueued { run: self.run }),
            RunPhase::Finished(_) => return Err(Rejection::RunFinished { run: self.run }),
            RunPhase::Running | RunPhase::Halted(_) => {}
        }
        Kind::Workflow.expect_version(&run.workflow, Some(self.version), run.version)?;
        let mut shards = run.shards.clone();
        for ShardMove { shard, from, to } in &self.moves {
            within("name of a shard", shard.len(), MAX_NAME * 2)?;
            let known = shards.get(shard).copied();
            if known == Some(*to) {
                continue;
            }
            if known != *from {
                let who =
                    |node: Option<NodeId>| node.map_or("nobody".to_owned(), |node| format!("node {node}"));
                let problem = format!("{} carries it out, not {}", who(known), who(*from));
                return Err(Rejection::Invalid { what: format!("shard `{shard}`"), problem });
            }
            match state.nodes.get(*to) {
                None => return Err(Rejection::UnknownNode { node: *to }),
                Some(node) if node.state == NodeState::Up => {}
                Some(node) => return Err(Rejection::NodeNotUp { node: *to, actual: node.state }),
            }
            shards.insert(shard.clone(), *to);
        }
        within("shards of a run", shards.len(), MAX_SHARDS)?;
        state.runs.set(self.run, Run { shards, ..run });
        Ok(Response::Done)
    }
}

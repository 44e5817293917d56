use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use etl_engine::{Desk, WaitingPartition};
use etl_model::RunId;
use etl_proto::cluster as wire;
use etl_raft::NodeId;
use etl_raft::consensus::Consensus;
use etl_raft_state::NodeState;
use futures::future::join_all;
use tokio::time::timeout;
use uuid::Uuid;

use crate::clients::Clients;

/// A node that takes longer is left out.
const PATIENCE: Duration = Duration::from_millis(700);

/// Counts the records of a run, of a workflow, that were set aside and lie on this node. May block.
pub type CountLetters = dyn Fn(&str, Uuid) -> u64 + Send + Sync;

/// What a node has of a run beside what the cluster has agreed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunSight {
    /// Partitions that wait there although they could go on: source, partition and why.
    pub waiting: Vec<(String, String, String)>,
    /// Records that were set aside and lie there.
    pub dead_letters: u64,
}

/// What this node has of a run.
pub(crate) async fn look_here(
    consensus: &Consensus,
    desk: &Desk,
    count: Option<std::sync::Arc<CountLetters>>,
    run: Uuid,
) -> RunSight {
    let waiting = desk.waiting_of(RunId::from(run)).into_iter();
    let waiting = waiting.map(|WaitingPartition { source, partition, reason, .. }| {
        (source.as_str().to_owned(), partition.0, reason)
    });
    let waiting = waiting.collect();
    let workflow = consensus.peek(|state| state.runs().get(run).map(|run| run.workflow.clone()));
    let dead_letters = match (count, workflow) {
        (Some(count), Some(workflow)) => {
            tokio::task::spawn_blocking(move || count(&workflow, run)).await.unwrap_or_default()
        }
        _ => 0,
    };
    RunSight { waiting, dead_letters }
}

/// What all other members that are there have of a run; those that do not answer in time are missing.
pub(crate) async fn look_elsewhere(
    consensus: &Consensus,
    clients: &Clients,
    run: Uuid,
) -> BTreeMap<NodeId, RunSight> {
    let me = consensus.member().node;
    let others: Vec<(NodeId, String)> = consensus.peek(|state| {
        let is_there = |state| matches!(state, NodeState::Up | NodeState::Draining);
        let others = state.nodes().members().filter(|(id, node)| *id != me && is_there(node.state));
        others.map(|(id, node)| (id, node.admin_address.clone())).collect()
    });
    let asked = others.into_iter().map(|(node, address)| async move {
        let request = wire::LookAtRunRequest { run: Bytes::copy_from_slice(run.as_bytes()) };
        match timeout(PATIENCE, clients.to(&address).look_at_run(request)).await {
            Ok(Ok(answer)) => Some((node, answer.into_inner().into())),
            Ok(Err(status)) => {
                tracing::debug!(node, %status, "a node does not tell what it has of a run");
                None
            }
            Err(_) => None,
        }
    });
    join_all(asked).await.into_iter().flatten().collect()
}

impl From<RunSight> for wire::LookAtRunResponse {
    fn from(sight: RunSight) -> Self {
        let waiting = |(source, partition, reason)| wire::WaitingPartition { source, partition, reason };
        Self { waiting: sight.waiting.into_iter().map(waiting).collect(), dead_letters: sight.dead_letters }
    }
}

impl From<wire::LookAtRunResponse> for RunSight {
    fn from(answer: wire::LookAtRunResponse) -> Self {
        let waiting = |wire::WaitingPartition { source, partition, reason }| (source, partition, reason);
        Self { waiting: answer.waiting.into_iter().map(waiting).collect(), dead_letters: answer.dead_letters }
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;

use etl_engine::Pipeline;
use etl_raft::consensus::Consensus;
use etl_raft_state::parts::Run;
use etl_raft_state::{NodeId, NodeState, State};
use etl_relay::{Relay, RelayedDestination, RelayedProcessor};
use uuid::Uuid;

/// Puts what relays to another node in the place of the steps that the other node carries out.
#[derive(Clone)]
pub(crate) struct Relays {
    me: NodeId,
    relay: Relay,
}

impl Relays {
    pub fn new(consensus: &Consensus, relay: Relay) -> Self {
        Self { me: consensus.member().node, relay }
    }

    pub fn relayed(&self, id: Uuid, run: &Run, pipeline: Pipeline) -> Pipeline {
        let elsewhere = |step: &str| run.hosts.get(step).copied().filter(|host| *host != self.me);
        let mut pipeline = pipeline;
        for step in &mut pipeline.processors {
            if let Some(host) = elsewhere(step.name.as_str()) {
                let real = Arc::clone(&step.processor);
                let name = step.name.clone();
                step.processor =
                    Arc::new(RelayedProcessor::new(self.relay.clone(), host, id, run.version, name, real));
            }
        }
        for step in &mut pipeline.destinations {
            if let Some(host) = elsewhere(step.name.as_str()) {
                let real = Arc::clone(&step.destination);
                let name = step.name.clone();
                step.destination =
                    Arc::new(RelayedDestination::new(self.relay.clone(), host, id, run.version, name, real));
            }
        }
        pipeline
    }
}

/// Whether all nodes that carry out steps of a run are there.
pub(crate) fn are_up(state: &State, hosts: &BTreeMap<String, NodeId>) -> bool {
    let is_up = |node: &NodeId| {
        let known = state.nodes().get(*node);
        known.is_some_and(|known| matches!(known.state, NodeState::Up | NodeState::Draining))
    };
    hosts.values().all(is_up)
}

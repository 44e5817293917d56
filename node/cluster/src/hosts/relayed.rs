use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use etl_engine::{EngineError, Pipeline};
use etl_model::{Retry, StepName};
use etl_raft::consensus::Consensus;
use etl_raft_state::parts::Run;
use etl_raft_state::{NodeId, NodeState, State};
use etl_relay::{Relay, RelayedDestination, RelayedProcessor};
use uuid::Uuid;

use super::sharded::{MOVED, ShardedDestination};
use super::shards::hosted_by_shard;
use crate::work::Prepared;

/// Codes that are about the way to a step on another node, not about what it does.
const AWAY: [&str; 5] = ["relay_unreachable", "relay_lost", "relay_refused", "relay_stopping", MOVED];

/// Puts what relays to another node in the place of the steps that the other node carries out.
#[derive(Clone)]
pub(crate) struct Relays {
    consensus: Consensus,
    relay: Relay,
}

impl Relays {
    pub fn new(consensus: &Consensus, relay: Relay) -> Self {
        Self { consensus: consensus.clone(), relay }
    }

    pub fn relayed(&self, id: Uuid, run: &Run, prepared: Prepared) -> Prepared {
        let me = self.consensus.member().node;
        let elsewhere = |step: &str| run.hosts.get(step).copied().filter(|host| *host != me);
        let Prepared { mut pipeline, options, sync, placed } = prepared;
        let by_shard = hosted_by_shard(&pipeline, &placed, &run.hosts);
        let carried = carried_steps(&pipeline, &run.hosts);
        for step in &mut pipeline.processors {
            if let Some(host) = elsewhere(step.name.as_str()) {
                let real = Arc::clone(&step.processor);
                let name = step.name.clone();
                step.processor =
                    Arc::new(RelayedProcessor::new(self.relay.clone(), host, id, run.version, name, real));
            }
        }
        for step in &mut pipeline.destinations {
            let carries_steps = carried.contains(&step.name);
            let real = Arc::clone(&step.destination);
            if let Some(host) = elsewhere(step.name.as_str()) {
                let (relay, name) = (self.relay.clone(), step.name.clone());
                let relayed = RelayedDestination::new(relay, host, id, run.version, name, real);
                let relayed = if carries_steps { relayed.carrying_steps() } else { relayed };
                step.destination = Arc::new(relayed);
            } else if by_shard.contains_key(&step.name) {
                step.destination = Arc::new(ShardedDestination {
                    consensus: self.consensus.clone(),
                    relay: self.relay.clone(),
                    run: id,
                    version: run.version,
                    step: step.name.clone(),
                    carries_steps,
                    real,
                });
            }
        }
        Prepared { pipeline, options, sync, placed }
    }
}

/// Destinations whose shards are carried out together with all that leads to them from a repartition. Not where a step on the
/// way has a node of its own, to which rows would have to go and come back, and not where a rate is kept: that of the
/// destination is for the rows that are written, which have to be known before they are relayed, and chains alone await those of
/// steps.
fn carried_steps(pipeline: &Pipeline, hosts: &BTreeMap<String, NodeId>) -> BTreeSet<StepName> {
    let mut behind = pipeline.behind();
    behind.retain(|destination, steps| {
        let is_metered = pipeline.limits.get(destination).is_some_and(|limits| limits.rate.is_some())
            || steps.iter().any(|step| pipeline.limits.contains_key(step));
        !is_metered && !steps.iter().any(|step| hosts.contains_key(step.as_str()))
    });
    behind.into_keys().collect()
}

/// Whether a call has failed because the node that carries out the step could not be had, so that it says nothing about
/// the step.
pub(crate) fn is_away(error: &EngineError) -> bool {
    let EngineError::Step { error, .. } = error else { return false };
    error.retry() == Retry::Backoff && AWAY.contains(&error.code())
}

/// Whether all nodes that carry out steps of a run are there.
pub(crate) fn are_up(state: &State, hosts: &BTreeMap<String, NodeId>) -> bool {
    let is_up = |node: &NodeId| {
        let known = state.nodes().get(*node);
        known.is_some_and(|known| matches!(known.state, NodeState::Up | NodeState::Draining))
    };
    hosts.values().all(is_up)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_model::StepName;
    use etl_sdk::ConnectorError;

    use super::*;

    #[test]
    fn only_what_is_about_the_way_to_the_host_says_that_it_is_away() {
        let of = |error| is_away(&EngineError::Step { step: StepName::new("sink").unwrap(), error });
        for code in AWAY {
            assert!(of(ConnectorError::transient(code, "")), "{code}");
            assert!(!of(ConnectorError::external(code, "")), "{code}: it is refused for good");
        }
        for code in ["relay_protocol", "relay_closed"] {
            assert!(!of(ConnectorError::transient(code, "")), "{code}: it could go on for ever");
        }
        assert!(!of(ConnectorError::transient("postgres", "")));
        assert!(!is_away(&EngineError::Internal(String::new())));
    }
}

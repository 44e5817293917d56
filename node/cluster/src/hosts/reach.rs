use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use etl_raft::consensus::Consensus;
use etl_raft::network::{Dialer, channel};
use etl_raft_state::NodeId;
use etl_relay::Reach;
use etl_sdk::ConnectorError;
use tonic::transport::Channel;

/// Reaches the Raft listeners of other members over connections of its own: records must not keep votes waiting.
pub(crate) struct Reachable {
    consensus: Consensus,
    dialer: Arc<dyn Dialer>,
    open: Mutex<HashMap<NodeId, (String, Channel)>>,
}

impl Reachable {
    pub fn new(consensus: Consensus, dialer: Arc<dyn Dialer>) -> Self {
        Self { consensus, dialer, open: Mutex::default() }
    }
}

#[async_trait]
impl Reach for Reachable {
    async fn channel(&self, node: NodeId) -> Result<Channel, ConnectorError> {
        let address =
            self.consensus.peek(|state| state.nodes().get(node).map(|known| known.raft_address.clone()));
        let Some(address) = address else {
            return Err(ConnectorError::transient(
                "relay_unreachable",
                format!("node {node} is not known here"),
            ));
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = open.get(&node).filter(|(known, _)| *known == address) {
            return Ok(known.clone());
        }
        let made = channel(Arc::clone(&self.dialer), address.clone());
        open.insert(node, (address, made.clone()));
        Ok(made)
    }
}

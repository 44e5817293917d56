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
    open: Mutex<Connections<Channel>>,
}

/// Connections to members alone, each at the address that it has.
struct Connections<C>(HashMap<NodeId, (String, C)>);

impl<C: Clone> Connections<C> {
    /// The connection to a member, which is made when there is none, and closes those to whoever is none any more. `None`
    /// when the node is no member.
    fn to(
        &mut self,
        node: NodeId,
        members: &HashMap<NodeId, String>,
        make: impl FnOnce(&str) -> C,
    ) -> Option<C> {
        self.0.retain(|id, (address, _)| members.get(id) == Some(address));
        let address = members.get(&node)?;
        let (_, open) = self.0.entry(node).or_insert_with(|| (address.clone(), make(address)));
        Some(open.clone())
    }
}

impl Reachable {
    pub fn new(consensus: Consensus, dialer: Arc<dyn Dialer>) -> Self {
        Self { consensus, dialer, open: Mutex::new(Connections(HashMap::new())) }
    }
}

#[async_trait]
impl Reach for Reachable {
    async fn channel(&self, node: NodeId) -> Result<Channel, ConnectorError> {
        let members: HashMap<NodeId, String> = self.consensus.peek(|state| {
            state.nodes().members().map(|(id, known)| (id, known.raft_address.clone())).collect()
        });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let made = open.to(node, &members, |address| channel(Arc::clone(&self.dialer), address.to_owned()));
        made.ok_or_else(|| {
            let message = format!("node {node} is not known here as a member of the cluster");
            ConnectorError::transient("relay_unreachable", message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_go_with_the_members_they_lead_to() {
        let members = |known: &[(NodeId, &str)]| -> HashMap<NodeId, String> {
            known.iter().map(|(id, address)| (*id, (*address).to_owned())).collect()
        };
        let mut open = Connections(HashMap::new());
        let both = members(&[(1, "a:1"), (2, "b:1")]);
        let made = |address: &str| address.to_owned();
        let never = |_: &str| "made again".to_owned();
        assert_eq!(open.to(1, &both, made).as_deref(), Some("a:1"));
        assert_eq!(open.to(2, &both, made).as_deref(), Some("b:1"));
        assert_eq!(open.to(1, &both, never).as_deref(), Some("a:1"), "it is kept");
        let moved = members(&[(1, "a:2"), (2, "b:1")]);
        assert_eq!(open.to(1, &moved, made).as_deref(), Some("a:2"));
        assert_eq!(open.to(2, &members(&[(2, "b:1")]), never).as_deref(), Some("b:1"));
        assert_eq!(open.0.keys().copied().collect::<Vec<_>>(), [2], "who has left is let go of");
        assert_eq!(open.to(1, &members(&[(2, "b:1")]), never), None);
    }
}

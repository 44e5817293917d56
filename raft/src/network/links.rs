use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::RaftNetworkFactory;
use tonic::Status;

use super::dialer::Dialer;
use super::link::{CallError, Link};
use super::member::Member;
use super::peer_client::PeerClient;
use super::refusal::error_of;
use crate::chance::Chance;
use crate::consensus::Durability;
use crate::error::Error;
use crate::store::LocalState;
use crate::type_config::{NodeId, Peer, TypeConfig};

/// The connections of this node to all others, shared by everything that speaks to them.
pub(crate) struct Links {
    pub me: Member,
    pub chance: Chance,
    pub state: Arc<dyn LocalState>,
    /// Of what this node appends as a leader.
    pub durability: Arc<Durability>,
    dialer: Arc<dyn Dialer>,
    open: Mutex<BTreeMap<NodeId, Arc<Link>>>,
    refusals: Mutex<BTreeMap<NodeId, String>>,
}

impl Links {
    pub fn new(
        me: Member,
        dialer: Arc<dyn Dialer>,
        state: Arc<dyn LocalState>,
        durability: Arc<Durability>,
    ) -> Self {
        let chance = Chance::new(me.incarnation ^ me.node.rotate_left(32));
        Self { me, chance, state, durability, dialer, open: Mutex::default(), refusals: Mutex::default() }
    }

    pub fn dialer(&self) -> &Arc<dyn Dialer> {
        &self.dialer
    }

    /// HOST:PORT of a peer. A node says in the state where it listens, and may have moved since it became a member. Whoever
    /// answers there has to be the node with the store that is expected, so that a wrong address does no harm.
    pub fn address_of(&self, node: NodeId, peer: &Peer) -> String {
        let state = self.state.look();
        let known = state.nodes().get(node).filter(|known| known.store == peer.store);
        known.map_or_else(|| peer.address.clone(), |known| known.raft_address.clone())
    }

    /// The link to a peer; a new one when the peer is not what or where it was.
    pub fn to(&self, node: NodeId, peer: &Peer) -> Arc<Link> {
        let address = self.address_of(node, peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get(&node) {
            Some(link) if link.peer.store == peer.store && link.peer.address == address => link.clone(),
            _ => {
                let peer = Peer { address, store: peer.store };
                let link = Arc::new(Link::new(self.dialer.clone(), node, peer));
                open.insert(node, link.clone());
                link
            }
        }
    }

    /// Closes the links to all nodes that are not wanted any more.
    pub fn retain(&self, wanted: impl Fn(NodeId) -> bool) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|node, _| wanted(*node));
        self.lock_refusals().retain(|node, _| wanted(*node));
    }

    /// The error of a call over `link`, for a caller outside openraft.
    pub fn error(&self, link: &Link, error: CallError) -> Error {
        match error {
            CallError::Timeout(patience) => {
                Error::Unknown(format!("{} has not answered for {patience:?}", link.name()))
            }
            CallError::Status(status) => self.refused(link, status),
        }
    }

    /// Like [`error`](Self::error); remembers when a member wants nothing to do with this node.
    pub fn refused(&self, link: &Link, status: Status) -> Error {
        let error = error_of(&link.name(), status);
        if let Error::Misdirected(reason) = &error {
            let before = self.lock_refusals().insert(link.node, reason.clone());
            if before.as_ref() != Some(reason) {
                tracing::warn!(node = self.me.node, reason, "a peer refuses to deal with this node");
            }
        }
        error
    }

    /// A peer has dealt with this node.
    pub fn accepted(&self, node: NodeId) {
        self.lock_refusals().remove(&node);
    }

    /// What peers said when they refused to deal with this node, and have not dealt with it since.
    pub fn refusals(&self) -> BTreeMap<NodeId, String> {
        self.lock_refusals().clone()
    }

    fn lock_refusals(&self) -> MutexGuard<'_, BTreeMap<NodeId, String>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What openraft gets its clients from.
#[derive(Clone)]
pub(crate) struct PeerNetwork(pub Arc<Links>);

impl RaftNetworkFactory<TypeConfig> for PeerNetwork {
    type Network = PeerClient;

    async fn new_client(&mut self, target: NodeId, peer: &Peer) -> PeerClient {
        PeerClient::new(self.0.clone(), target, peer.clone())
    }
}

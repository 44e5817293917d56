use bytes::Bytes;
use etl_proto::raft as wire;
use uuid::Uuid;

use crate::type_config::{NodeId, Peer};

/// Who this node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub cluster: Uuid,
    pub node: NodeId,
    /// Of its data directory.
    pub store: Uuid,
    /// Chosen at random at each start of the process.
    pub incarnation: u64,
    /// HOST:PORT at which other members reach its Raft listener.
    pub address: String,
}

impl Member {
    /// How the others reach it.
    pub fn peer(&self) -> Peer {
        Peer { address: self.address.clone(), store: self.store }
    }

    /// The envelope of a request to `node`, which is expected to have `store`.
    pub(crate) fn envelope_to(&self, node: NodeId, store: Uuid) -> wire::Envelope {
        wire::Envelope {
            cluster_id: Bytes::copy_from_slice(self.cluster.as_bytes()),
            from_node: self.node,
            to_node: node,
            to_store: Bytes::copy_from_slice(store.as_bytes()),
            from_incarnation: self.incarnation,
        }
    }
}

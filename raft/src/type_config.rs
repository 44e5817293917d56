use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use etl_raft_state::Response;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A member's id: the index of the log entry that admitted it, so that it is never given twice. The node that founds a
/// cluster has id 1.
pub type NodeId = u64;

/// An entry's place in the log.
pub type LogId = openraft::LogId<NodeId>;

openraft::declare_raft_types!(
    /// The types that openraft works with here.
    pub TypeConfig:
        D = Proposal,
        R = Response,
        NodeId = NodeId,
        Node = Peer,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = SnapshotFile,
        AsyncRuntime = openraft::TokioRuntime,
);

/// An encoded [`etl_raft_state::Envelope`]: stored and sent as it is. openraft wants it to be serializable, but nothing
/// serializes it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u8>", into = "Vec<u8>")]
pub struct Proposal(pub Bytes);

impl From<Vec<u8>> for Proposal {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Proposal> for Vec<u8> {
    fn from(proposal: Proposal) -> Self {
        proposal.0.into()
    }
}

/// How a member is reached, and the store it has there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Peer {
    /// HOST:PORT of its Raft listener.
    pub address: String,
    /// Made with its data directory; a directory that was wiped has another.
    pub store: Uuid,
}

/// A whole snapshot in a file of its own below the data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with store {}", self.address, self.store)
    }
}

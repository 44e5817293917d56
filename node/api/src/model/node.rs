use serde::Serialize;
use uuid::Uuid;

/// One node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Never given to another node.
    pub id: u64,
    /// HOST:PORT at which other members reach its Raft listener.
    pub raft_address: String,
    /// HOST:PORT at which tools reach it.
    pub admin_address: String,
    /// Its part in the Raft group; `None` while it has none.
    pub role: Option<Role>,
    /// What has been agreed about it.
    pub state: NodeState,
    /// Of the program that it runs.
    pub software_version: String,
    /// The newest feature level that its program knows.
    pub feature_level: u32,
    /// Where it stands; empty when that was not told.
    pub zone: String,
    /// Entries that the leader has and this node has not; `None` when the leader cannot tell.
    pub lag: Option<u64>,
    /// Milliseconds since the leader last heard of it; `None` when it never did, or when another node answered.
    pub silent_ms: Option<u64>,
    /// The last entry whose effect it knows.
    pub applied_index: Option<u64>,
    /// Free space of the file system with its data; `None` when it is not known.
    pub disk_free_bytes: Option<u64>,
    /// Size of the file system with its data.
    pub disk_total_bytes: Option<u64>,
    /// Size of its log.
    pub log_bytes: Option<u64>,
    /// Size of its state.
    pub state_bytes: Option<u64>,
    /// Partitions that are assigned to it.
    pub partitions: u64,
    /// The store it has; a data directory that was wiped has another.
    pub store: Uuid,
}

/// A node's part in the Raft group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It proposes what all others follow.
    Leader,
    /// It votes.
    Voter,
    /// It receives everything and does not vote.
    Learner,
}

/// What has been agreed about a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Registered; it has not caught up yet.
    Joining,
    /// It takes part.
    Up,
    /// Partitions leave it and none are given to it.
    Draining,
    /// It is not heard of.
    Down,
    /// It has left for ever.
    Removed,
}

impl Role {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Voter => "voter",
            Self::Learner => "learner",
        }
    }
}

impl NodeState {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Up => "up",
            Self::Draining => "draining",
            Self::Down => "down",
            Self::Removed => "removed",
        }
    }
}

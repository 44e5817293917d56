use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::keys::NodeId;
use crate::rejection::Rejection;
use crate::table::{Record, RowKind, Rows, Table};

/// Every node that was ever admitted. Removed ones stay, so that neither their ids nor their stores come back.
#[derive(Debug, Clone, Default)]
pub struct Nodes {
    table: Table<Node>,
    by_store: BTreeMap<Uuid, NodeId>,
}

/// A node as the cluster knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Made with its data directory.
    pub store: Uuid,
    /// HOST:PORT of its Raft listener.
    pub raft_address: String,
    /// HOST:PORT of its admin listener.
    pub admin_address: String,
    pub software_version: String,
    /// The highest feature level that its software has.
    pub feature_level: u32,
    /// Where it stands, for placement; empty when not told.
    pub zone: String,
    pub state: NodeState,
    /// Milliseconds since 1970.
    pub state_since_ms: u64,
    /// Milliseconds since 1970.
    pub registered_at_ms: u64,
    /// The state it was in before it went down, and should go back to; absent while it is not down.
    pub down_from: Option<NodeState>,
    /// When it went down, the last [`DOWNS_KEPT`](crate::limits::DOWNS_KEPT) times, in milliseconds since 1970, the latest last: who comes and goes all
    /// the time is not to be trusted with partitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downs_ms: Vec<u64>,
}

/// Where a node is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NodeState {
    /// Admitted; receives the state.
    Joining,
    /// Can be given partitions.
    Up,
    /// Gives its partitions away; stays a member.
    Draining,
    /// Not heard of; its partitions are given to others.
    Down,
    /// Gone for good.
    Removed,
}

impl NodeState {
    /// Which moves are allowed. A node that is up has to drain or be down before it can be removed.
    pub fn may_become(self, to: Self) -> bool {
        matches!(
            (self, to),
            (Self::Joining, Self::Up | Self::Down | Self::Removed)
                | (Self::Up, Self::Draining | Self::Down)
                | (Self::Draining, Self::Up | Self::Down | Self::Removed)
                | (Self::Down, Self::Joining | Self::Up | Self::Draining | Self::Removed)
        )
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Joining => "joining",
            Self::Up => "up",
            Self::Draining => "draining",
            Self::Down => "down",
            Self::Removed => "removed",
        })
    }
}

impl Record for Node {
    type Key = NodeId;
    const KIND: RowKind = RowKind::Node;
}

impl Nodes {
    /// A node, also a removed one.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.table.get(&id)
    }

    /// The node with this store, also a removed one.
    pub fn by_store(&self, store: Uuid) -> Option<(NodeId, &Node)> {
        let id = *self.by_store.get(&store)?;
        Some((id, self.get(id)?))
    }

    /// All that there ever were, by id.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.table.iter().map(|(id, node)| (*id, node))
    }

    /// Those that are not removed, by id.
    pub fn members(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.iter().filter(|(_, node)| node.state != NodeState::Removed)
    }

    /// Whether the cluster has not been founded yet.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The highest id that was given; 0 before the first.
    pub(crate) fn last_id(&self) -> NodeId {
        self.table.last().map_or(0, |(id, _)| *id)
    }

    /// A node that is not removed.
    pub(crate) fn present(&self, node: NodeId) -> Result<&Node, Rejection> {
        match self.get(node) {
            None => Err(Rejection::UnknownNode { node }),
            Some(known) if known.state == NodeState::Removed => Err(Rejection::NodeRemoved { node }),
            Some(known) => Ok(known),
        }
    }

    /// That none of the nodes to which something is tied is removed.
    pub(crate) fn all_present(
        &self,
        pinned: Option<NodeId>,
        hosts: &BTreeMap<String, NodeId>,
    ) -> Result<(), Rejection> {
        pinned.iter().chain(hosts.values()).try_for_each(|node| self.present(*node).map(drop))
    }

    pub(crate) fn set(&mut self, id: NodeId, node: Node) {
        if self.get(id) != Some(&node) {
            self.by_store.insert(node.store, id);
            self.table.set(id, node);
        }
    }

    pub(crate) fn index(&mut self) {
        self.by_store = self.table.iter().map(|(id, node)| (node.store, *id)).collect();
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.table]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.table]
    }
}

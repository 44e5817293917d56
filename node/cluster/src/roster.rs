use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etl_raft::NodeId;
use etl_raft::membership::{self, Pulse};
use tokio::time::Instant;

use crate::{Health, Software};

/// What a node has last said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When it was heard.
    pub since: Instant,
    /// Chosen anew at each start of its process.
    pub incarnation: u64,
    pub software: Software,
    pub health: Health,
}

/// Who was heard of by this node while it led, and what they said. Kept in memory alone. Clones are the same
/// roster.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    heard: Arc<Mutex<BTreeMap<NodeId, Heard>>>,
}

impl Roster {
    /// Takes a heartbeat in.
    pub(crate) fn note(&self, node: NodeId, heard: Heard) {
        self.lock().insert(node, heard);
    }

    /// Everybody, also those that were heard of last during an earlier leadership.
    pub fn all(&self) -> BTreeMap<NodeId, Heard> {
        self.lock().clone()
    }

    /// When a node was last heard.
    pub(crate) fn last(&self, node: NodeId) -> Option<Instant> {
        self.lock().get(&node).map(|heard| heard.since)
    }

    /// Forgets whoever is not wanted any more.
    pub(crate) fn retain(&self, wanted: impl Fn(NodeId) -> bool) {
        self.lock().retain(|node, _| wanted(*node));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Heard>> {
        // Each change is a single insertion, so that the map is whole whatever panicked.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl membership::Roster for Roster {
    fn heard(&self) -> BTreeMap<NodeId, Pulse> {
        let pulse = |heard: &Heard| Pulse { at: heard.since, incarnation: heard.incarnation };
        self.lock().iter().map(|(node, heard)| (*node, pulse(heard))).collect()
    }
}

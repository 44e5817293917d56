//! What is wrong with the network, the disks and the clocks at the moment, and whether anybody has noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use etl_raft::NodeId;

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Fewer than half of the nodes are cut off.
    MinorityCut,
    /// The leader is cut off with so few that the others are more.
    LeaderCut,
    /// Every node is cut off from every other.
    AllCut,
    /// Messages pass from one node to others, but not back.
    OneWay,
    /// Two halves see each other only through one node that sees both.
    Bridge,
    /// For a moment the messages from one node to another are lost.
    Drops,
    /// Messages between some nodes take long.
    Delays,
    /// Nothing gets into or out of a node and its disk for a while, and then everything at once.
    Pause,
    /// A disk takes long to sync.
    DiskStall,
    /// A process ends, and what it had not synced is lost.
    Crash,
    /// All processes end at once, like after a loss of power.
    PowerLoss,
    /// A node's clock is wrong by up to an hour.
    ClockSkew,
    /// Leadership is handed over.
    Transfer,
    /// A node is added, and follows without a vote.
    AddLearner,
    /// Gets a vote.
    Promote,
    /// Loses its vote.
    Demote,
    /// A node that has no vote is removed.
    Remove,
}

impl Kind {
    pub const ALL: [Self; 17] = [
        Self::MinorityCut,
        Self::LeaderCut,
        Self::AllCut,
        Self::OneWay,
        Self::Bridge,
        Self::Drops,
        Self::Delays,
        Self::Pause,
        Self::DiskStall,
        Self::Crash,
        Self::PowerLoss,
        Self::ClockSkew,
        Self::Transfer,
        Self::AddLearner,
        Self::Promote,
        Self::Demote,
        Self::Remove,
    ];
}

/// Numbers the faults of a simulation.
pub type FaultId = u64;

/// From, to.
pub type Way = (NodeId, NodeId);

#[derive(Default)]
pub struct Weather {
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    /// The fault that each way suffers from, and whether nothing passes.
    ways: BTreeMap<Way, (FaultId, bool)>,
    stalled: BTreeMap<NodeId, FaultId>,
    /// How wrong a clock is, in milliseconds.
    skewed: BTreeMap<NodeId, (FaultId, i64)>,
    struck: BTreeSet<FaultId>,
}

impl Weather {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap()
    }

    pub fn set_ways(&self, ways: BTreeMap<Way, (FaultId, bool)>) {
        self.now().ways = ways;
    }

    pub fn set_stalled(&self, stalled: BTreeMap<NodeId, FaultId>) {
        self.now().stalled = stalled;
    }

    pub fn set_skewed(&self, skewed: BTreeMap<NodeId, (FaultId, i64)>) {
        self.now().skewed = skewed;
    }

    /// Whether what is sent now, or would come back, is lost or held.
    pub fn is_blocked(&self, from: NodeId, to: NodeId) -> bool {
        let now = self.now();
        let is_blocked = |way: Way| now.ways.get(&way).is_some_and(|(_, blocked)| *blocked);
        is_blocked((from, to)) || is_blocked((to, from))
    }

    /// Something is sent on its way.
    pub fn sends(&self, from: NodeId, to: NodeId) {
        let mut now = self.now();
        if let Some((fault, _)) = now.ways.get(&(from, to)).copied() {
            now.struck.insert(fault);
        }
    }

    /// Somebody waits for a sync that does not end.
    pub fn disk_waits(&self, node: NodeId) {
        let mut now = self.now();
        if let Some(fault) = now.stalled.get(&node).copied() {
            now.struck.insert(fault);
        }
    }

    /// By how many milliseconds a clock that is being read is wrong.
    pub fn clock_read(&self, node: NodeId) -> i64 {
        let mut now = self.now();
        let Some((fault, wrong)) = now.skewed.get(&node).copied() else { return 0 };
        now.struck.insert(fault);
        wrong
    }

    pub fn strikes(&self, fault: FaultId) {
        self.now().struck.insert(fault);
    }

    pub fn struck(&self) -> BTreeSet<FaultId> {
        self.now().struck.clone()
    }
}

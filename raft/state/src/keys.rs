use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A member's id: the index of the log entry that admitted it, so that it is never given twice. The node that founds a
/// cluster has id 1.
pub type NodeId = u64;

/// A partition of a source in one run: what is assigned to a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionKey {
    pub run: Uuid,
    /// The source step's name.
    pub source: String,
    /// As the source names it, stable over runs.
    pub partition: String,
}

impl PartitionKey {
    /// What stands for the coordination of a run: checking its connectors, finding its partitions, completing its
    /// destinations and finishing it. It is assigned to a node like a partition, under an epoch of its own. No step has an
    /// empty name, so that no partition has this key; it sorts before all partitions of its run.
    pub fn coordinator(run: Uuid) -> Self {
        Self { run, source: String::new(), partition: String::new() }
    }

    /// Whether it is [`Self::coordinator`] of its run.
    pub fn is_coordinator(&self) -> bool {
        self.source.is_empty() && self.partition.is_empty()
    }
}

/// A partition's way to one destination in one run: what has a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteKey {
    pub partition: PartitionKey,
    /// The destination step's name.
    pub destination: String,
}

/// A partition of a workflow over all its runs: what has an epoch, because the markers at a destination are the
/// workflow's and not the run's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochKey {
    pub workflow: String,
    /// The source step's name.
    pub source: String,
    /// As the source names it, stable over runs.
    pub partition: String,
}

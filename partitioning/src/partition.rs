use std::collections::BTreeSet;

/// A partition of a run, and what is known of where it is and where it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// What it is called in all nodes alike, such as the run's and the partition's id.
    pub key: Vec<u8>,
    /// Who owns it now.
    pub owner: Option<u64>,
    /// Nodes at which its source can be read; `None` when any can.
    pub readable_at: Option<BTreeSet<u64>>,
}

/// A partition that should change hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// The place of the partition in the list that was given.
    pub partition: usize,
    /// Nobody, when it had no owner or its owner is not a member any more.
    pub from: Option<u64>,
    pub to: u64,
}

impl Partition {
    /// Whether a node can read its source.
    pub(crate) fn may_be_at(&self, node: u64) -> bool {
        self.readable_at.as_ref().is_none_or(|nodes| nodes.contains(&node))
    }
}

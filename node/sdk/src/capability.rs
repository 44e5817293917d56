use std::num::NonZeroUsize;

use serde::Serialize;

/// What a configured source promises; the guarantee of a route follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceCapabilities {
    /// Reading again from a position yields the same records with the same ordinals, or an error.
    pub replayable: bool,
    /// Records of a partition have one total order, the ordinals'.
    pub ordered: bool,
    /// The source has an end.
    pub bounded: bool,
    /// Why one of the promises is not given, in words for the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a destination commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitKind {
    /// Rows and marker in one transaction.
    Transactional,
    /// A unit becomes visible by creating one name that must not exist.
    ConditionalCreate,
    /// No marker: what was written before a crash is written again.
    None,
}

/// What a configured destination promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DestinationCapabilities {
    /// How it commits.
    pub commit: CommitKind,
    /// How many partitions may write at the same time; `None` for any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_writers: Option<NonZeroUsize>,
    /// Whether written rows stay in this process's memory until the commit. The engine then cuts units small enough
    /// for its memory budget; otherwise it counts the rows as gone once `write` has returned.
    pub holds_rows: bool,
    /// Whether rows the destination refuses one by one can be told apart and reported.
    pub rejects_rows: bool,
    /// Bytes of encoded rows after which a unit should be committed, if the destination has a preference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_bytes: Option<u64>,
}

/// What a configured transformation promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProcessorCapabilities {
    /// The output of a batch depends on nothing but the batch. One that is not has a [`crate::Processor::begin`].
    pub stateless: bool,
    /// It waits for a system outside, and is not counted among what keeps the processors busy meanwhile.
    pub waits: bool,
}

use std::num::{NonZeroU32, NonZeroU64};

use uuid::Uuid;

/// Which records of a run are to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapOptions {
    /// A source or transformation, whose output is shown, or a destination, whose input is.
    pub step: String,
    /// Only this partition; `None` for all.
    pub partition: Option<String>,
    /// Which of those that go by.
    pub sampling: TapSampling,
    /// At most so many; `None` for no limit.
    pub limit: Option<NonZeroU64>,
}

/// Which of the records that go by are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TapSampling {
    /// One in so many on average, chosen by the ordinal: the same ones at every step.
    OneIn(NonZeroU64),
    /// So many a second at most, over all nodes.
    PerSecond(NonZeroU32),
}

/// What a tap tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapTold {
    /// The run.
    pub run: Uuid,
    /// Records that have gone by since the server began to show them, shown or not.
    pub seen: u64,
    /// Those that are shown, in the order in which they came.
    pub records: Vec<TappedRecord>,
}

/// A record that has gone by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TappedRecord {
    /// Where.
    pub node: u64,
    /// The source step from which it comes.
    pub source: String,
    /// The partition from which it comes.
    pub partition: String,
    /// Its number in the partition.
    pub ordinal: u64,
    /// As JSON; `None` when that would be too large.
    pub json: Option<String>,
    /// What the JSON has, in bytes.
    pub json_bytes: u64,
}

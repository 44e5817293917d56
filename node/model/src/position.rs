use std::fmt;

use serde::{Deserialize, Serialize};

/// An ordered, record-precise place in a partition: everything before it is covered, everything from it on is not.
///
/// A record with ordinal `o` is covered exactly when `o < next`. Ordinals ascend strictly inside a partition and are
/// the same for the same record on every read; they need not be contiguous (a file uses the byte offset of the
/// record's first byte, a table its row id).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The smallest ordinal that is not covered.
    pub next: u64,
    /// What the source needs to seek here and to notice that the data has changed since (at most 1 KiB as JSON).
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub cursor: serde_json::Value,
}

impl Position {
    /// The beginning of a partition whose ordinals start at 0.
    pub fn start() -> Self {
        Self { next: 0, cursor: serde_json::Value::Null }
    }

    /// Whether the record with this ordinal lies before the position.
    pub fn covers(&self, ordinal: u64) -> bool {
        ordinal < self.next
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.next)
    }
}

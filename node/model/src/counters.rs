use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What became of the records of a route. Travels in the marker, so it is exact over crashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Records the source yielded, malformed ones included.
    pub read: u64,
    /// Records the destination made durable.
    pub delivered: u64,
    /// Records that a condition removed.
    pub filtered: u64,
    /// Records that were written to the dead letters.
    pub dead_lettered: u64,
    /// Records that failed and were left out by `on_error: skip`.
    pub failed: u64,
    /// Records that steps made in addition, beyond the first of each that they made several of.
    #[serde(default)]
    pub created: u64,
    /// Bytes read from the source, as the source counts them.
    #[serde(default)]
    pub bytes_read: u64,
    /// Bytes handed to the destination, as it counts them.
    #[serde(default)]
    pub bytes_written: u64,
}

impl Counters {
    /// Whether every record that was read or made on the way is accounted for exactly once.
    ///
    /// Where paths of a DAG meet again a record is counted once per path, also in `read`.
    pub fn balanced(&self) -> bool {
        self.read.saturating_add(self.created) == self.accounted()
    }

    /// Records of which it is known what became of them.
    pub fn accounted(&self) -> u64 {
        let parts = [self.filtered, self.dead_lettered, self.failed];
        parts.into_iter().fold(self.delivered, u64::saturating_add)
    }
}

impl Counters {
    /// What has come since `before`; nothing where there is less.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            read: self.read.saturating_sub(before.read),
            delivered: self.delivered.saturating_sub(before.delivered),
            filtered: self.filtered.saturating_sub(before.filtered),
            dead_lettered: self.dead_lettered.saturating_sub(before.dead_lettered),
            failed: self.failed.saturating_sub(before.failed),
            created: self.created.saturating_sub(before.created),
            bytes_read: self.bytes_read.saturating_sub(before.bytes_read),
            bytes_written: self.bytes_written.saturating_sub(before.bytes_written),
        }
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.delivered += other.delivered;
        self.filtered += other.filtered;
        self.dead_lettered += other.dead_lettered;
        self.failed += other.failed;
        self.created += other.created;
        self.bytes_read += other.bytes_read;
        self.bytes_written += other.bytes_written;
    }
}

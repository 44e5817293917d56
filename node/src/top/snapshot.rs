use std::time::{Duration, Instant};

use etl_api::model::{ClusterStatus, RunPartitions, RunView};

/// What was seen of a cluster at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub at: Instant,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    pub status: ClusterStatus,
    /// Newest first.
    pub runs: Vec<RunView>,
    /// Of the run that was asked for.
    pub partitions: Option<RunPartitions>,
}

impl Snapshot {
    /// The time from an earlier one to this one, if any.
    pub fn since(&self, before: &Self) -> Option<Duration> {
        self.at.checked_duration_since(before.at).filter(|time| !time.is_zero())
    }
}

/// What there is more now than before, per second.
pub(super) fn rate(now: u64, before: u64, time: Duration) -> f64 {
    // A run that was started anew counts from its beginning.
    now.saturating_sub(before) as f64 / time.as_secs_f64()
}

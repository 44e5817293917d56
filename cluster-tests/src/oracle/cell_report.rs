use std::collections::BTreeMap;

use serde::Serialize;

use super::verdict::Verdict;

/// What happened to one cell.
#[derive(Debug, Default, Serialize)]
pub struct CellReport {
    pub cell: String,
    pub runs: u64,
    pub records: u64,
    /// Crashes that bit, by kind.
    pub killed_at_points: u64,
    pub panicked: u64,
    pub killed_from_outside: u64,
    /// Errors that bit and were retried inside the process.
    pub errors: u64,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Runs whose counters are not the true ones.
    pub miscounted: u64,
    /// Markers that went back or epochs that did not rise.
    pub marker_regressions: u64,
    /// Records that a process after a crash counted beyond what was not committed.
    pub recounted: u64,
    /// The most records fetched again by a process after a crash, beyond what was not committed.
    pub refetched_max: u64,
    /// Processes after a crash that fetched more again than a chunk or two.
    pub refetches_too_many: u64,
    /// Processes that found the state database damaged by a crash and rebuilt it.
    pub states_rebuilt: u64,
    /// How often each fault struck.
    pub strikes: BTreeMap<String, u64>,
    /// Faults that never struck.
    pub toothless: Vec<String>,
    /// Processes that ended in a way no fault explains.
    pub unexplained: Vec<String>,
    pub seconds: f64,
}

impl CellReport {
    /// Crashes that bit.
    pub fn crashes(&self) -> u64 {
        self.killed_at_points + self.panicked + self.killed_from_outside
    }

    /// Whether everything that was tried happened, and nothing was lost, doubled or altered.
    pub fn holds(&self) -> bool {
        self.verdict.is_clean()
            && self.miscounted + self.marker_regressions + self.recounted + self.refetches_too_many == 0
            && self.toothless.is_empty()
            && self.unexplained.is_empty()
    }
}

use std::collections::BTreeMap;

use serde::Serialize;

use super::outage::Outage;
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
    /// Outages of a server that bit, by kind.
    pub server_crashes: u64,
    pub resets: u64,
    pub commits_unsent: u64,
    pub commits_unanswered: u64,
    /// Processes that went on by themselves after an outage, and those that had to be run again.
    pub went_on: u64,
    pub gave_up: u64,
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
    /// Units of which a server remembers the commit.
    pub units_noted: u64,
    /// Commits whose marker is not the one that follows the last.
    pub out_of_step: u64,
    /// Commits whose rows are not those that their marker counts.
    pub torn: u64,
    /// The most records fetched again by a process after a crash, beyond what was not committed.
    pub refetched_max: u64,
    /// Processes after a crash that fetched more again than a chunk or two.
    pub refetches_too_many: u64,
    /// The most records that a part of the source fetched again when it went on inside a process.
    pub redone_max: u64,
    /// Processes that went on by themselves and fetched more again than a unit and what was on its way.
    pub redone_too_many: u64,
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
    /// Crashes of the process or the server, and broken connections, that bit.
    pub fn crashes(&self) -> u64 {
        self.killed_at_points + self.panicked + self.killed_from_outside + self.outages()
    }

    /// The count of a kind of outage.
    pub fn outage(&mut self, outage: Outage) -> &mut u64 {
        match outage {
            Outage::ServerCrash => &mut self.server_crashes,
            Outage::Reset => &mut self.resets,
            Outage::CommitUnsent => &mut self.commits_unsent,
            Outage::CommitUnanswered => &mut self.commits_unanswered,
        }
    }

    /// Outages that bit.
    pub fn outages(&self) -> u64 {
        self.server_crashes + self.resets + self.commits_unsent + self.commits_unanswered
    }

    /// Counts that must be 0 and are not, by name.
    pub fn broken(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = [
            ("miscounted", self.miscounted),
            ("marker_regressions", self.marker_regressions),
            ("recounted", self.recounted),
            ("refetches_too_many", self.refetches_too_many),
            ("out_of_step", self.out_of_step),
            ("torn", self.torn),
            ("redone_too_many", self.redone_too_many),
        ];
        counts.into_iter().filter(|(_, count)| *count > 0)
    }

    /// Whether everything that was tried happened, and nothing was lost, doubled or altered.
    pub fn holds(&self) -> bool {
        self.verdict.is_clean()
            && self.broken().next().is_none()
            && self.toothless.is_empty()
            && self.unexplained.is_empty()
    }
}

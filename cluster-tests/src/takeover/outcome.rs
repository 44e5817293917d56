use super::cell::Cell;
use super::fault::Fault;

/// What is in the destination in the end, and what the destination remembers of the way there.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// Records that are not there.
    pub lost: u64,
    /// Rows that are there once more than they should, or were written over.
    pub doubled: u64,
    /// Rows that are not as their record was.
    pub altered: u64,
    /// Commits whose marker does not follow the one before, or is of an older epoch.
    pub disordered: u64,
    /// Units that were committed.
    pub units: u64,
}

/// One run with a fault in it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Outcome {
    pub fault: String,
    pub cell: &'static str,
    pub records: u64,
    pub seconds: f64,
    /// Seconds after its begin at which it came to these points.
    pub reached: Vec<(&'static str, f64)>,
    #[serde(flatten)]
    pub tally: Tally,
    /// What the run itself says it has delivered.
    pub counted: u64,
    /// What the fault met, and what became of it.
    #[serde(flatten)]
    pub struck: Struck,
    /// Why the run could not be carried to its end.
    pub failed: Option<String>,
}

/// What a fault has met.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Struck {
    /// Partitions that were under way where it struck.
    pub met: usize,
    /// Those of them that go on under a newer epoch.
    pub moved: usize,
    /// Milliseconds from SIGKILL to the first commit of each of them by its next owner.
    pub takeovers_ms: Vec<f64>,
    /// Old owners that were told so: commits that a fence refused and connections that were ended.
    pub fenced: u64,
    pub notes: Vec<String>,
    /// What should have happened and did not.
    pub toothless: Vec<String>,
}

impl Struck {
    /// Notes what should have happened.
    pub fn expect(&mut self, what: &str, has_happened: bool) {
        if !has_happened {
            self.toothless.push(what.to_owned());
        }
    }
}

impl Outcome {
    pub fn new(fault: Fault, cell: Cell, records: u64) -> Self {
        Self {
            fault: fault.name(),
            cell: cell.name(),
            records,
            seconds: 0.0,
            reached: Vec::new(),
            tally: Tally::default(),
            counted: 0,
            struck: Struck::default(),
            failed: None,
        }
    }

    /// Whether the fault has left a trace.
    pub fn has_bitten(&self) -> bool {
        self.failed.is_none() && self.struck.toothless.is_empty() && self.struck.met > 0
    }

    /// Whether every record is there once, as it was, although the fault struck.
    pub fn holds(&self) -> bool {
        let Tally { lost, doubled, altered, disordered, .. } = self.tally;
        self.has_bitten() && lost + doubled + altered + disordered == 0 && self.counted == self.records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Outcome {
        let mut outcome = Outcome::new(Fault::KillOwner, Cell::Append, 5);
        (outcome.counted, outcome.struck.met) = (5, 1);
        outcome
    }

    #[test]
    fn a_fault_must_bite_and_every_record_be_there_once() {
        assert!(good().holds());
        let spoil: [fn(&mut Outcome); 8] = [
            |outcome| outcome.tally.lost = 1,
            |outcome| outcome.tally.doubled = 1,
            |outcome| outcome.tally.altered = 1,
            |outcome| outcome.tally.disordered = 1,
            |outcome| outcome.counted = 4,
            |outcome| outcome.struck.met = 0,
            |outcome| outcome.struck.expect("it happens", false),
            |outcome| outcome.failed = Some("why".to_owned()),
        ];
        for spoil in spoil {
            let mut outcome = good();
            spoil(&mut outcome);
            assert!(!outcome.holds(), "{outcome:?}");
        }
    }
}

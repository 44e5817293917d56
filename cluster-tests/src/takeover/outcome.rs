use clap::ValueEnum;

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
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    pub fault: String,
    pub cell: String,
    /// Whether a guard was taken out, so that there must be damage.
    #[serde(default)]
    pub is_control: bool,
    /// Where its share of chance came from.
    #[serde(default)]
    pub seed: u64,
    pub records: u64,
    pub seconds: f64,
    /// Seconds after its begin at which it came to these points.
    pub reached: Vec<(String, f64)>,
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
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
pub struct Struck {
    /// Partitions that were under way where it struck.
    pub met: usize,
    /// Those of them that go on under a newer epoch.
    pub moved: usize,
    /// Milliseconds from SIGKILL to the first commit of each of them by its next owner.
    pub takeovers_ms: Vec<f64>,
    /// Milliseconds from the last commit of a partition by its owner to the first by its next one, of moves that were planned.
    #[serde(default)]
    pub moves_ms: Vec<f64>,
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
            cell: cell.name().to_owned(),
            is_control: false,
            seed: 0,
            records,
            seconds: 0.0,
            reached: Vec::new(),
            tally: Tally::default(),
            counted: 0,
            struck: Struck::default(),
            failed: None,
        }
    }

    /// Its place in a table: as faults and cells are declared, then by seed.
    pub fn place(&self) -> (usize, usize, u64) {
        let fault = Fault::value_variants().iter().position(|fault| fault.name() == self.fault);
        let cell = Cell::value_variants().iter().position(|cell| cell.name() == self.cell);
        (cell.unwrap_or(usize::MAX), fault.unwrap_or(usize::MAX), self.seed)
    }

    /// Whether the fault has left a trace.
    pub fn has_bitten(&self) -> bool {
        self.failed.is_none() && self.struck.toothless.is_empty() && self.struck.met > 0
    }

    /// Whether records were lost or doubled.
    pub fn is_damaged(&self) -> bool {
        self.tally.lost + self.tally.doubled > 0
    }

    /// Whether every record is there once, as it was, although the fault struck; without a guard, whether that is not so.
    pub fn holds(&self) -> bool {
        if self.is_control {
            return self.failed.is_none() && self.is_damaged();
        }
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
        let mut control = Outcome { is_control: true, ..good() };
        assert!(!control.holds(), "without a guard there must be damage");
        control.tally.doubled = 1;
        assert!(control.holds());
    }
}

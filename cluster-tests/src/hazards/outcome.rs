use std::collections::BTreeMap;

use super::ledger::{Found, Latency};

/// What a scenario did and saw.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Outcome {
    pub scenario: &'static str,
    pub seconds: f64,
    /// How often each fault left a trace.
    pub bit: BTreeMap<String, u64>,
    /// Faults that left none.
    pub toothless: Vec<String>,
    pub calls: u64,
    pub acknowledged: u64,
    /// Acknowledged writes times members they were looked for on, and those that were not there.
    pub looked_for: u64,
    pub lost: u64,
    /// Answers of a member whose data was damaged that were never written.
    pub wrong: u64,
    /// What should be seen and was.
    pub seen: Vec<String>,
    /// What should have been seen and was not.
    pub missing: Vec<String>,
    /// What this machine or user cannot do.
    pub left_out: Vec<String>,
    pub figures: Vec<String>,
    /// Why the scenario could not be carried out to its end.
    pub failed: Option<String>,
}

impl Outcome {
    /// Notes a fault, and whether it left a trace.
    pub fn bite(&mut self, fault: &str, has_bitten: bool) {
        if has_bitten {
            *self.bit.entry(fault.to_owned()).or_default() += 1;
        } else {
            self.toothless.push(fault.to_owned());
        }
    }

    /// Notes something that should be seen; once, however often it is.
    pub fn expect(&mut self, what: &str, is_seen: bool) {
        let notes = if is_seen { &mut self.seen } else { &mut self.missing };
        if !notes.iter().any(|note| note == what) {
            notes.push(what.to_owned());
        }
    }

    pub fn look_up(&mut self, found: Found) {
        self.looked_for += found.looked_for;
        self.lost += found.lost;
    }

    /// Notes what half and 99 of 100 writes took at most, without and with disturbance.
    pub fn compare_latencies(&mut self, calm: Option<Latency>, disturbed: Option<Latency>) {
        let show = |latency: Option<Latency>| match latency {
            Some((half, most)) => {
                format!("p50 {:.1} ms, p99 {:.1} ms", half.as_secs_f64() * 1e3, most.as_secs_f64() * 1e3)
            }
            None => "no write".to_owned(),
        };
        self.figures.push(format!("a write takes {} without, {} with", show(calm), show(disturbed)));
    }

    /// Whether nothing was lost, every fault bit, and all was seen that should be.
    pub fn holds(&self) -> bool {
        let is_whole = self.lost + self.wrong == 0 && self.failed.is_none();
        let has_struck = !self.bit.is_empty() && self.toothless.is_empty() && self.looked_for > 0;
        is_whole && self.missing.is_empty() && (has_struck || self.is_left_out())
    }

    /// Whether it could not be tried here at all.
    pub fn is_left_out(&self) -> bool {
        self.bit.is_empty() && self.toothless.is_empty() && !self.left_out.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck() -> Outcome {
        let mut outcome = Outcome::default();
        outcome.bite("fault", true);
        outcome.look_up(Found { looked_for: 3, lost: 0 });
        outcome
    }

    #[test]
    fn a_fault_must_bite_and_nothing_may_be_lost() {
        assert!(struck().holds());
        assert!(!Outcome::default().holds());
        let mut toothless = struck();
        toothless.bite("another", false);
        assert!(!toothless.holds());
        let mut lossy = struck();
        lossy.look_up(Found { looked_for: 1, lost: 1 });
        assert!(!lossy.holds());
        let mut blind = struck();
        blind.expect("a warning", false);
        assert!(!blind.holds());
        assert!(!Outcome { failed: Some("why".to_owned()), ..struck() }.holds());
    }

    #[test]
    fn what_cannot_be_tried_is_no_failure() {
        let left_out = Outcome { left_out: vec!["needs root".to_owned()], ..Outcome::default() };
        assert!(left_out.holds());
    }
}

use super::history::Findings;
use super::nemesis::Bites;

/// What clients saw while faults struck.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Report {
    pub seed: u64,
    pub members: u8,
    pub seconds: f64,
    #[serde(flatten)]
    pub findings: Findings,
    #[serde(flatten)]
    pub bites: Bites,
    /// Acknowledged writes that were looked for at the end, and those not found.
    pub looked_for: u64,
    pub lost: u64,
    /// Faults after which clients had no answer for a long time.
    pub stuck: u64,
}

impl Report {
    /// Whether nothing was lost, every history holds, and every fault bit.
    pub fn holds(&self) -> bool {
        let clean = self.findings.not_linearizable.is_empty() && self.lost + self.stuck == 0;
        clean && self.looked_for > 0 && self.bites.toothless.is_empty()
    }

    /// Prints it.
    pub fn show(&self) {
        let findings = &self.findings;
        println!(
            "{} members, seed {}, {:.0} s: {} calls on {} keys ({} reads, {} writes, {} conflicts, {} unknown)",
            self.members,
            self.seed,
            self.seconds,
            findings.operations,
            findings.keys,
            findings.reads,
            findings.writes,
            findings.conflicts,
            findings.unknown,
        );
        for (name, count) in &self.bites.bit {
            println!("  {name}: bit {count} times");
        }
        for (name, count) in &self.bites.toothless {
            println!("  {name}: did NOT bite {count} times");
        }
        println!("  leader changes: {}", self.bites.leader_changes);
        println!("  acknowledged writes lost: {} of {}", self.lost, self.looked_for);
        println!("  faults after which clients had no answer for 20 s: {}", self.stuck);
        for key in &findings.not_linearizable {
            println!("  NOT LINEARIZABLE {key}");
        }
    }
}

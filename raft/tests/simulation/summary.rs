use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::weather::Kind;
use crate::world::Outcome;

/// The command that repeats a seed alone, with its story.
pub fn command_for(seed: u64) -> String {
    format!("SEED={seed} cargo test -p etl-raft --test simulation a_thousand_seeds -- --nocapture")
}

/// What many simulations have shown.
#[derive(Default)]
pub struct Summary {
    seeds: u64,
    /// Seed and what was wrong.
    pub failures: Vec<(u64, Vec<String>)>,
    faults: BTreeMap<Kind, (u64, u64)>,
    sums: BTreeMap<&'static str, u64>,
    simulated: Duration,
    slowest_recovery: Duration,
}

impl Summary {
    pub fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.seeds += 1;
        if !outcome.violations.is_empty() {
            self.failures.push((seed, outcome.violations.clone()));
        }
        for (kind, (begun, struck)) in &outcome.faults {
            let sum = self.faults.entry(*kind).or_default();
            *sum = (sum.0 + begun, sum.1 + struck);
        }
        let (tally, losses, sights) = (&outcome.tally, &outcome.losses, &outcome.sights);
        for (what, count) in [
            ("acknowledged writes", tally.acknowledged),
            ("conflicts", tally.conflicts),
            ("reads", tally.reads),
            ("unknown outcomes", tally.unknown),
            ("refused", tally.refused),
            ("answered after a repetition", tally.repeated),
            ("entries", sights.entries),
            ("states compared", sights.compared),
            ("snapshots installed", sights.snapshots_installed),
            ("leaderships", sights.leaderships),
            ("terms with two leaders, one after the other", sights.shared_terms),
            ("crashes", losses.crashes),
            ("crashes that lost writes", losses.with_lost_writes),
            ("writes to logs lost", losses.log_changes),
            ("crashes that lost progress of the state", losses.with_older_state),
        ] {
            *self.sums.entry(what).or_default() += count;
        }
        self.simulated += outcome.simulated;
        self.slowest_recovery = self.slowest_recovery.max(outcome.recovery);
    }

    /// How many faults of this kind somebody noticed.
    pub fn struck(&self, kind: Kind) -> u64 {
        self.faults.get(&kind).map_or(0, |(_, struck)| *struck)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} seeds, {:?} simulated", self.seeds, self.simulated)?;
        writeln!(f, "slowest recovery: {:?}", self.slowest_recovery)?;
        for (what, sum) in &self.sums {
            writeln!(f, "{what}: {sum}")?;
        }
        for (kind, (begun, struck)) in &self.faults {
            writeln!(f, "{kind:?}: {struck} of {begun} struck")?;
        }
        for (seed, violations) in &self.failures {
            for violation in violations.iter().take(3) {
                writeln!(f, "seed {seed}: {violation}")?;
            }
            writeln!(f, "repeat it alone: {}", command_for(*seed))?;
        }
        Ok(())
    }
}

use std::collections::BTreeMap;

use comfy_table::{Table, presets};

use super::outcome::Outcome;

/// What all runs have come to.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Report {
    /// Of the first run.
    pub seed: u64,
    pub seconds: f64,
    pub runs: Vec<Outcome>,
}

/// The value that so many of a hundred do not exceed.
fn percentile(values: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

impl Report {
    /// Whether every run holds, and there was one.
    pub fn holds(&self) -> bool {
        !self.runs.is_empty() && self.runs.iter().all(Outcome::holds)
    }

    /// Prints it.
    pub fn show(&self) {
        let mut rows: BTreeMap<(&str, &str), Vec<&Outcome>> = BTreeMap::new();
        let mut order = Vec::new();
        for outcome in self.runs.iter().filter(|run| !run.is_control) {
            let key = (outcome.fault.as_str(), outcome.cell.as_str());
            if !rows.contains_key(&key) {
                order.push(key);
            }
            rows.entry(key).or_default().push(outcome);
        }
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header([
            "fault",
            "cell",
            "runs",
            "records",
            "lost",
            "doubled",
            "altered",
            "bit",
            "partitions met",
            "moved",
            "old owners fenced",
            "takeover p50 ms",
            "p99 ms",
            "move p50 ms",
            "p99 ms",
        ]);
        for key in order {
            let runs = &rows[&key];
            let sum = |field: fn(&Outcome) -> u64| runs.iter().map(|run| field(run)).sum::<u64>().to_string();
            let all = |of: fn(&Outcome) -> &[f64]| -> Vec<f64> {
                runs.iter().flat_map(|run| of(run).iter().copied()).collect()
            };
            let (takeovers, moves) = (all(|run| &run.struck.takeovers_ms), all(|run| &run.struck.moves_ms));
            let ms = |values: &[f64], percent| {
                percentile(values, percent).map_or_else(String::new, |ms| format!("{ms:.0}"))
            };
            table.add_row([
                key.0.to_owned(),
                key.1.to_owned(),
                runs.len().to_string(),
                sum(|run| run.records),
                sum(|run| run.tally.lost),
                sum(|run| run.tally.doubled),
                sum(|run| run.tally.altered),
                sum(|run| run.has_bitten().into()),
                sum(|run| run.struck.met as u64),
                sum(|run| run.struck.moved as u64),
                sum(|run| run.struck.fenced),
                ms(&takeovers, 50),
                ms(&takeovers, 99),
                ms(&moves, 50),
                ms(&moves, 99),
            ]);
        }
        if !rows.is_empty() {
            println!("{table}");
        }
        self.show_controls();
        for outcome in &self.runs {
            outcome.show_notes();
        }
        let held = self.runs.iter().filter(|run| run.holds()).count();
        println!("{held} of {} runs hold, first seed {}, {:.0} s", self.runs.len(), self.seed, self.seconds);
    }
}

impl Report {
    /// Prints what has happened without guards.
    fn show_controls(&self) {
        let mut controls: BTreeMap<(&str, &str), [u64; 5]> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| run.is_control) {
            let row = controls.entry((&run.fault, &run.cell)).or_default();
            let seen = [1, run.records, run.tally.lost, run.tally.doubled, run.is_damaged().into()];
            row.iter_mut().zip(seen).for_each(|(sum, seen)| *sum += seen);
        }
        if controls.is_empty() {
            return;
        }
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header([
            "without the guard",
            "cell",
            "runs",
            "records",
            "lost",
            "doubled",
            "DAMAGE SEEN",
        ]);
        for ((control, cell), sums) in controls {
            let cells = [control.to_owned(), cell.to_owned()];
            table.add_row(cells.into_iter().chain(sums.map(|sum| sum.to_string())));
        }
        println!("{table}");
    }
}

impl Outcome {
    /// Prints what is not in the table.
    pub fn show_notes(&self) {
        let name = format!("{} x {}", self.fault, self.cell);
        for what in &self.struck.toothless {
            println!("{name}: did NOT bite: {what}");
        }
        for note in &self.struck.notes {
            println!("{name}: {note}");
        }
        if self.is_control {
            if !self.is_damaged() {
                println!("{name}: NO damage: the guard is not needed, or the count sees nothing");
            }
            if let Some(why) = &self.failed {
                println!("{name}: FAILED: {why}");
            }
            return;
        }
        if self.tally.disordered > 0 {
            println!("{name}: {} commits OUT OF ORDER", self.tally.disordered);
        }
        if self.failed.is_none() && self.counted != self.records {
            println!("{name}: the run counts {} records of {}", self.counted, self.records);
        }
        if let Some(why) = &self.failed {
            println!("{name}: FAILED: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 50), Some(50.0));
        assert_eq!(percentile(&values, 99), Some(99.0));
        assert_eq!(percentile(&[7.0], 99), Some(7.0));
        assert_eq!(percentile(&[], 50), None);
    }
}

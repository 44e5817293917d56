use comfy_table::{Table, presets};

use super::outcome::Outcome;

/// What all scenarios did and saw.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Report {
    pub seed: u64,
    pub seconds: f64,
    pub scenarios: Vec<Outcome>,
}

impl Report {
    /// Whether every scenario holds, and at least one was carried out.
    pub fn holds(&self) -> bool {
        let all_hold = self.scenarios.iter().all(Outcome::holds);
        all_hold && self.scenarios.iter().any(|outcome| !outcome.is_left_out())
    }

    /// Prints it.
    pub fn show(&self) {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header([
            "scenario",
            "faults that bit",
            "s",
            "calls",
            "acknowledged",
            "looked up",
            "lost",
            "seen",
        ]);
        for outcome in &self.scenarios {
            let bit: Vec<String> =
                outcome.bit.iter().map(|(fault, times)| format!("{fault} x{times}")).collect();
            table.add_row([
                outcome.scenario.to_owned(),
                bit.join(", "),
                format!("{:.0}", outcome.seconds),
                outcome.calls.to_string(),
                outcome.acknowledged.to_string(),
                outcome.looked_for.to_string(),
                outcome.lost.to_string(),
                outcome.seen.join("; "),
            ]);
        }
        println!("{table}");
        for outcome in &self.scenarios {
            outcome.show_notes();
        }
        println!("seed {}, {:.0} s", self.seed, self.seconds);
    }
}

impl Outcome {
    fn show_notes(&self) {
        let name = self.scenario;
        for fault in &self.toothless {
            println!("{name}: did NOT bite: {fault}");
        }
        for what in &self.missing {
            println!("{name}: NOT seen: {what}");
        }
        if self.wrong > 0 {
            println!("{name}: {} WRONG answers", self.wrong);
        }
        for why in &self.left_out {
            println!("{name}: left out: {why}");
        }
        for figure in &self.figures {
            println!("{name}: {figure}");
        }
        if let Some(why) = &self.failed {
            println!("{name}: FAILED: {why}");
        }
    }
}

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::cell_report::CellReport;
use super::replay::ReplayReport;
use super::scenario::ScenarioReport;

/// Everything that was shown.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub seed: u64,
    pub cells: Vec<CellReport>,
    pub scenarios: Vec<ScenarioReport>,
    pub replays: Vec<ReplayReport>,
}

impl Report {
    /// Whether all of it is as it should be.
    pub fn holds(&self) -> bool {
        self.cells.iter().all(CellReport::holds)
            && self.scenarios.iter().all(|scenario| scenario.holds)
            && self.replays.iter().all(ReplayReport::holds)
    }

    /// For people.
    pub fn show(&self) {
        if !self.cells.is_empty() {
            println!("{}", self.cell_table());
        }
        if !self.scenarios.is_empty() {
            println!("{}", self.scenario_table());
        }
        if !self.replays.is_empty() {
            println!("{}", self.replay_table());
        }
        for replay in &self.replays {
            for problem in &replay.unexplained {
                println!("{}: {problem}", replay.cell);
            }
            if !replay.holds() {
                println!("{}: DOES NOT HOLD", replay.cell);
            }
        }
        for cell in &self.cells {
            for fault in &cell.toothless {
                println!("{}: {fault} never struck", cell.cell);
            }
            for (count, times) in cell.broken() {
                println!("{}: {count} is {times} and must be 0", cell.cell);
            }
            for problem in &cell.unexplained {
                println!("{}: {problem}", cell.cell);
            }
        }
        for scenario in self.scenarios.iter().filter(|scenario| !scenario.note.is_empty()) {
            println!("{} [{}]: {}", scenario.name, scenario.cell, scenario.note);
        }
        println!("seed {}: {}", self.seed, if self.holds() { "everything holds" } else { "FAILED" });
    }

    fn cell_table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header([
            "cell",
            "runs",
            "records",
            "killed at a point",
            "panicked",
            "kill -9",
            "errors",
            "server crashed",
            "reset",
            "COMMIT unsent",
            "COMMIT unanswered",
            "run again",
            "faults struck",
            "lost",
            "doubled",
            "altered",
            "disordered",
            "letters lost",
            "letters doubled",
            "miscounted",
            "re-read max",
            "redone max",
            "units noted",
            "states rebuilt",
            "s",
        ]);
        let mut total = CellReport { cell: "all".to_owned(), ..CellReport::default() };
        for cell in &self.cells {
            total.runs += cell.runs;
            total.records += cell.records;
            total.killed_at_points += cell.killed_at_points;
            total.panicked += cell.panicked;
            total.killed_from_outside += cell.killed_from_outside;
            total.errors += cell.errors;
            total.server_crashes += cell.server_crashes;
            total.resets += cell.resets;
            total.commits_unsent += cell.commits_unsent;
            total.commits_unanswered += cell.commits_unanswered;
            total.gave_up += cell.gave_up;
            total.units_noted += cell.units_noted;
            total.redone_max = total.redone_max.max(cell.redone_max);
            total.verdict.add(&cell.verdict);
            total.miscounted += cell.miscounted;
            total.states_rebuilt += cell.states_rebuilt;
            total.refetched_max = total.refetched_max.max(cell.refetched_max);
            total.seconds += cell.seconds;
            for (fault, count) in &cell.strikes {
                *total.strikes.entry(fault.clone()).or_default() += count;
            }
        }
        for cell in self.cells.iter().chain([&total]) {
            let verdict = &cell.verdict;
            table.add_row([
                cell.cell.clone(),
                cell.runs.to_string(),
                cell.records.to_string(),
                cell.killed_at_points.to_string(),
                cell.panicked.to_string(),
                cell.killed_from_outside.to_string(),
                cell.errors.to_string(),
                cell.server_crashes.to_string(),
                cell.resets.to_string(),
                cell.commits_unsent.to_string(),
                cell.commits_unanswered.to_string(),
                cell.gave_up.to_string(),
                cell.strikes.len().to_string(),
                verdict.lost.to_string(),
                (verdict.doubled + verdict.foreign).to_string(),
                verdict.altered.to_string(),
                verdict.disordered.to_string(),
                verdict.letters_lost.to_string(),
                (verdict.letters_doubled + verdict.letters_foreign).to_string(),
                cell.miscounted.to_string(),
                cell.refetched_max.to_string(),
                cell.redone_max.to_string(),
                cell.units_noted.to_string(),
                cell.states_rebuilt.to_string(),
                format!("{:.0}", cell.seconds),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn replay_table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header([
            "cell",
            "runs",
            "records",
            "letters replayed",
            "crashes of runs",
            "crashes of replays",
            "errors",
            "breaker opened",
            "lost",
            "doubled",
            "altered",
            "letters lost or doubled",
            "miscounted",
            "doubled without memory",
            "s",
        ]);
        for replay in &self.replays {
            let verdict = &replay.verdict;
            table.add_row([
                replay.cell.clone(),
                replay.runs.to_string(),
                replay.records.to_string(),
                replay.letters.to_string(),
                replay.run_crashes.to_string(),
                replay.replay_crashes.to_string(),
                replay.errors.to_string(),
                replay.held.to_string(),
                verdict.lost.to_string(),
                (verdict.doubled + verdict.foreign).to_string(),
                verdict.altered.to_string(),
                (verdict.letters_lost + verdict.letters_doubled + verdict.letters_foreign).to_string(),
                replay.miscounted.to_string(),
                if replay.has_control { replay.control_doubled.to_string() } else { String::new() },
                format!("{:.0}", replay.seconds),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn scenario_table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header([
            "scenario",
            "cell",
            "must happen",
            "happened",
            "refused by the marker",
            "connection ended",
            "lost",
            "doubled",
            "altered",
            "letters lost or doubled",
            "as it should be",
        ]);
        for scenario in &self.scenarios {
            let verdict = &scenario.verdict;
            let word = |yes| if yes { "yes" } else { "NO" };
            table.add_row([
                scenario.name.clone(),
                scenario.cell.clone(),
                scenario.expected.to_owned(),
                word(scenario.bit).to_owned(),
                scenario.refused_by_marker.to_string(),
                scenario.connections_ended.to_string(),
                verdict.lost.to_string(),
                (verdict.doubled + verdict.foreign).to_string(),
                verdict.altered.to_string(),
                (verdict.letters_lost + verdict.letters_doubled + verdict.letters_foreign).to_string(),
                word(scenario.holds).to_owned(),
            ]);
        }
        table
    }
}

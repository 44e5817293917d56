use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::campaign::{self, Plan};
use super::cell::Cell;
use super::cell_report::CellReport;
use super::error::Error;
use super::fault::Fault;
use super::postgres::Services;
use super::replay;
use super::report::Report;
use super::scenario::Scenario;

/// What to prove, and how hard to try.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A quick pass: every fault over the whole matrix instead of in every cell.
    #[arg(long)]
    short: bool,
    /// Only this cell, such as `csv-sqlite`; may be given several times.
    #[arg(long, value_name = "SOURCE-DESTINATION")]
    cell: Vec<Cell>,
    /// Only this part; may be given several times.
    #[arg(long, value_enum)]
    part: Vec<Part>,
    /// In cells only faults of this name, such as `commit_done=kill` or `server crash`; may be given several times.
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// Records over all cells [default: 10 million; short: 400 thousand].
    #[arg(long, value_name = "N")]
    records: Option<u64>,
    /// Crashes that must bite in every cell [default: 200; short: 12].
    #[arg(long, value_name = "N")]
    crashes: Option<u64>,
    /// Where everything random comes from; printed with the result.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where input, output and state are kept while it runs [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// A part of the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Crashes over the matrix of sources and destinations.
    Cells,
    /// Owners that are paused, replaced, and wake up.
    Zombies,
    /// Dead letters that are replayed through a corrected workflow, with a circuit breaker and crashes.
    Replays,
    /// Destinations restored from a backup.
    Rewinds,
    /// Runs with a guard removed, in which damage must be seen.
    Controls,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Tables.
    Text,
    /// One JSON document.
    Json,
}

/// Carries out the proof and prints it; fails when something was lost, doubled or altered, a fault did not bite, or a
/// control run showed no damage.
pub fn run(args: &Args) -> ExitCode {
    match prove(args) {
        Ok(report) => {
            match args.output {
                Output::Text => report.show(),
                Output::Json => println!("{}", serde_json::json!(report)),
            }
            if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

fn prove(args: &Args) -> Result<Report, Error> {
    let scratch = match &args.scratch {
        Some(directory) => tempfile::tempdir_in(directory),
        None => tempfile::tempdir(),
    }?;
    let root = scratch.path().join("run");
    let wanted = |part| args.part.is_empty() || args.part.contains(&part);
    let cells = if args.cell.is_empty() { Cell::all() } else { args.cell.clone() };
    let services = Services::default();
    let mut report = Report { seed: args.seed, ..Report::default() };
    if wanted(Part::Cells) {
        for (index, &cell) in cells.iter().enumerate() {
            let plan = plan(args, cell, index, cells.len());
            let failed = |error: Error| CellReport {
                cell: cell.to_string(),
                unexplained: vec![error.to_string()],
                ..CellReport::default()
            };
            let cell = campaign::run(cell, &plan, &root, &services).unwrap_or_else(failed);
            eprintln!(
                "{}: {} crashes, {} records, {:.0} s",
                cell.cell,
                cell.crashes(),
                cell.records,
                cell.seconds
            );
            report.cells.push(cell);
        }
    }
    if wanted(Part::Replays) {
        let chosen = replay::cells(args.short);
        let chosen = chosen.into_iter().filter(|cell| args.cell.is_empty() || args.cell.contains(cell));
        for (index, cell) in chosen.enumerate() {
            let plan = replay::Plan {
                seed: args.seed.wrapping_mul(1_000_003).wrapping_add(index as u64),
                records: if args.short { 12_000 } else { 40_000 },
                crashes: args.crashes.unwrap_or(if args.short { 1 } else { 40 }),
            };
            report.replays.push(replay::run(cell, &plan, &root, &services));
        }
    }
    let parts = [
        (Part::Zombies, Scenario::zombies(args.short)),
        (Part::Rewinds, Scenario::rewinds()),
        (Part::Controls, Scenario::controls()),
    ];
    for (_, scenarios) in parts.into_iter().filter(|&(part, _)| wanted(part)) {
        let chosen =
            scenarios.into_iter().filter(|(_, cell)| args.cell.is_empty() || args.cell.contains(cell));
        for (scenario, cell) in chosen {
            report.scenarios.push(scenario.play(cell, args.seed, &root, &services));
        }
    }
    Ok(report)
}

fn plan(args: &Args, cell: Cell, index: usize, cells: usize) -> Plan {
    let matrix = Fault::matrix();
    let seed = args.seed.wrapping_mul(1_000_003).wrapping_add(index as u64);
    let share = |records: u64| args.records.unwrap_or(records).div_ceil(cells as u64);
    let wanted = |fault: &Fault| args.fault.is_empty() || args.fault.contains(&fault.name());
    if args.short {
        // Every cell has another part of the faults, so that all of them strike somewhere.
        let of_cell = if cell.uses_postgres() { SHORT_FAULTS_OF_POSTGRES } else { SHORT_FAULTS };
        let faults = matrix.iter().copied().cycle().skip(index * of_cell).take(of_cell.min(matrix.len()));
        let outages = Fault::outages(cell).into_iter().enumerate();
        let outages =
            outages.filter(|(number, _)| (number + index).is_multiple_of(2)).map(|(_, outage)| outage);
        return Plan {
            seed,
            records: if cell.uses_postgres() { 8_000 } else { 12_000 },
            records_in_all: if cell.uses_postgres() { 16_000 } else { share(24_000 * cells as u64) },
            crashes: args.crashes.unwrap_or(if cell.uses_postgres() { 6 } else { 12 }),
            crashes_per_run: 10,
            faults: faults.chain(outages).filter(wanted).collect(),
            signals: 0.25,
            spread: 1,
        };
    }
    Plan {
        seed,
        records: 100_000,
        records_in_all: share(10_000_000),
        crashes: args.crashes.unwrap_or(200),
        crashes_per_run: 30,
        faults: matrix.into_iter().chain(Fault::outages(cell)).filter(wanted).collect(),
        signals: 0.25,
        spread: 1,
    }
}

/// Faults of one cell in the short form: sixteen cells times nine are more than there are.
const SHORT_FAULTS: usize = 9;
/// The same where a server is used, which takes longer. Outages come on top.
const SHORT_FAULTS_OF_POSTGRES: usize = 4;

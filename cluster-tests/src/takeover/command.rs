use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::ValueEnum;
use etl_test_services::{Durability, PostgresServer};
use rustix::process::geteuid;

use super::cell::Cell;
use super::control::Control;
use super::fault::Fault;
use super::ledger::{self, Ledger};
use super::outcome::Outcome;
use super::repetition::Repetition;
use super::report::Report;
use crate::group::{Error, Namespaces};

/// Records of a run, in the short form and otherwise.
const RECORDS: [u64; 2] = [60_000, 1_000_000];
/// Repetitions of the long form.
const REPETITIONS: u32 = 10;

/// Which faults to let strike, and how often.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A quick pass: the most important faults, once.
    #[arg(long)]
    short: bool,
    /// Only these faults.
    #[arg(long, value_enum, value_name = "NAME")]
    fault: Vec<Fault>,
    /// Only with these guards taken out, without which there must be damage.
    #[arg(long, value_enum, value_name = "NAME")]
    control: Vec<Control>,
    /// Only these ways into the destination.
    #[arg(long, value_enum, value_name = "NAME")]
    cell: Vec<Cell>,
    /// Records of each run [default: 1000000; short: 60000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(12_000..))]
    records: Option<u64>,
    /// How often every fault strikes in every cell [default: 10; short: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: Option<u32>,
    /// Where everything random of the first run comes from; each further one adds one.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where nodes and server have their data [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Leave there what the nodes have kept and said.
    #[arg(long)]
    keep: bool,
    /// Add every run, as soon as it has ended, to this file, a JSON document on a line.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Run nothing: print the table over all runs of these files.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["short", "fault", "control", "cell", "records", "repeat", "out"])]
    from: Vec<PathBuf>,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// Lets the faults strike and prints what became of the records; fails when one was lost, doubled or altered, or a fault
/// did not bite.
pub fn run(args: &Args) -> ExitCode {
    if !args.from.is_empty() {
        return tell(args, gather(args));
    }
    let needs_network =
        |(fault, _, control): &(Fault, Cell, Option<Control>)| fault.needs_network() && control.is_none();
    if args.chosen().iter().any(needs_network) && !Namespaces::is_inside() {
        return match Namespaces::enter() {
            Ok(0) => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => tell(args, Err(error)),
        };
    }
    let proven = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(prove(args)));
    tell(args, proven)
}

/// What runs of other times have come to.
fn gather(args: &Args) -> Result<Report, Error> {
    let mut report = Report::default();
    for path in &args.from {
        report.runs.extend(ledger::read(path)?);
    }
    report.seed = report.runs.first().map_or(0, |run| run.seed);
    report.seconds = report.runs.iter().map(|run| run.seconds).sum();
    report.runs.sort_by_key(Outcome::place);
    Ok(report)
}

fn tell(args: &Args, proven: Result<Report, Error>) -> ExitCode {
    match proven {
        Ok(report) => {
            if args.json {
                println!("{}", serde_json::json!(report));
            } else {
                report.show();
            }
            if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

impl Args {
    /// Every fault in every cell, unless only some were asked for.
    fn faults(&self) -> Vec<(Fault, Cell)> {
        let faults: &[Fault] = match (self.fault.as_slice(), self.short) {
            ([], _) if !self.control.is_empty() => &[],
            ([], true) => &Fault::SHORT,
            ([], false) => &Fault::LONG,
            (some, _) => some,
        };
        let cells = if self.cell.is_empty() { Cell::value_variants() } else { &self.cell };
        // Of what is not asked for the quick pass tries one fault where rows are written over or relayed.
        let is_left_out = |fault: Fault, cell: Cell| {
            let all = self.short && self.fault.is_empty() && self.cell.is_empty();
            let is_tried = match cell {
                Cell::Append => true,
                Cell::Upsert | Cell::Sqlite => fault == Fault::KillOwner,
                Cell::Parquet => false,
            };
            !fault.fits(cell) || all && !is_tried
        };
        let pairs = cells.iter().flat_map(|&cell| faults.iter().map(move |&fault| (fault, cell)));
        pairs.filter(|&(fault, cell)| !is_left_out(fault, cell)).collect()
    }

    /// All guards, unless only some were asked for, or only faults.
    fn controls(&self) -> &[Control] {
        match self.control.as_slice() {
            [] if !self.fault.is_empty() || !self.cell.is_empty() => &[],
            [] if self.short => &Control::SHORT,
            [] => Control::value_variants(),
            some => some,
        }
    }

    /// What is to be played. Without root some faults are left out, unless they were asked for.
    fn chosen(&self) -> Vec<(Fault, Cell, Option<Control>)> {
        let may = |fault: Fault| !fault.needs_root() || geteuid().is_root() || !self.fault.is_empty();
        let (faults, left_out): (Vec<_>, Vec<_>) =
            self.faults().into_iter().partition(|(fault, _)| may(*fault));
        for (fault, cell) in left_out {
            eprintln!("{} x {}: left out, it needs root", fault.name(), cell.name());
        }
        let faults = faults.into_iter().map(|(fault, cell)| (fault, cell, None));
        // Which fault it is does not matter: the guard has its own.
        let control = |control: &Control| (Fault::KillOwner, Cell::Append, Some(*control));
        faults.chain(self.controls().iter().map(control)).collect()
    }
}

async fn prove(args: &Args) -> Result<Report, Error> {
    let began = Instant::now();
    let mut server = PostgresServer::builder()
        .durability(Durability::On)
        .setting("shared_buffers = 128MB")
        .setting("max_connections = 200")
        // A query of many rows would be compiled first, which takes longer than to read them.
        .setting("jit = off")
        .setting("track_commit_timestamp = on");
    if let Some(scratch) = &args.scratch {
        server = server.data_in(scratch);
    }
    let server = server.start()?;
    let mut ledger = Ledger::open(args.out.as_deref())?;
    let mut seed = args.seed;
    let mut report = Report { seed: args.seed, ..Report::default() };
    let records = args.records.unwrap_or(RECORDS[usize::from(!args.short)]);
    for (fault, cell, control) in args.chosen() {
        for _ in 0..args.repeat.unwrap_or(if args.short { 1 } else { REPETITIONS }) {
            let scratch = args.scratch.clone();
            // Without a guard it shows soon.
            let records = if control.is_some() { records.min(RECORDS[0]) } else { records };
            let repetition = Repetition { fault, cell, control, records, seed, scratch, keep: args.keep };
            seed = seed.wrapping_add(1);
            let outcome = repetition.play(&server).await;
            ledger.add(&outcome)?;
            eprintln!(
                "{} x {}: {} after {:.1} s",
                outcome.fault,
                outcome.cell,
                if outcome.holds() { "holds" } else { "does NOT hold" },
                outcome.seconds
            );
            report.runs.push(outcome);
        }
    }
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

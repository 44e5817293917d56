use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::case::{self, Case};
use super::data::Data;
use super::figure::{self, Figure};
use super::ours::Ours;
use super::peers::Peers;
use crate::bench::BenchError;

/// Rows of the short form.
const FEW: u64 = 20_000;

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rows of the generated data.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rows: u64,
    /// Rounds of each, of which the best and the median count.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(5..=1000))]
    rounds: u32,
    /// Only this case, or these of a transformation.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Nothing but our own.
    #[arg(long)]
    alone: bool,
    /// Few rows, nothing but our own, and no verdict: whether it works.
    #[arg(long)]
    short: bool,
    /// A file that gets a line of JSON for each case.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Measures and prints; fails when the others do something else, or are further ahead than they may be.
pub fn run(args: &Args) -> ExitCode {
    match measure(args) {
        Ok(figures) => {
            println!("{}", figure::text(&figures));
            match !args.short && figures.iter().any(Figure::is_behind) {
                true => ExitCode::FAILURE,
                false => ExitCode::SUCCESS,
            }
        }
        Err(error) => {
            eprintln!("transforms: {error}");
            ExitCode::from(3)
        }
    }
}

fn measure(args: &Args) -> Result<Vec<Figure>, BenchError> {
    let directory = tempfile::tempdir().map_err(BenchError::io("a temporary directory"))?;
    let data = Data { rows: if args.short { FEW } else { args.rows } };
    let cases = case::all(data.rows, directory.path())?;
    let wants = |case: &&Case| {
        args.only.is_empty() || args.only.iter().any(|name| name == case.name || name == case.transformation)
    };
    let wanted: Vec<&Case> = cases.iter().filter(wants).collect();
    if wanted.is_empty() {
        let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
        return Err(BenchError::transformation("--only", format!("the cases are {}", names.join(", "))));
    }
    let peers = match args.short || args.alone {
        true => None,
        false => {
            data.write_parquet(&directory.path().join("data.parquet"))?;
            Some(Peers::prepare(directory.path(), data.rows)?)
        }
    };
    let mut out = match &args.out {
        Some(path) => Some(File::create(path).map_err(BenchError::at(path))?),
        None => None,
    };
    // A lookup reads its table on it.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(BenchError::io("the runtime"))?;
    let _entered = runtime.enter();
    let mut figures = Vec::new();
    for case in wanted {
        eprintln!("transforms: {}", case.name);
        let Some(figure) = one(case, &cases, data, args.rounds as usize, peers.as_ref())? else {
            eprintln!("transforms: this build is without `{}`", case.transformation);
            continue;
        };
        if let (Some(file), Some(path)) = (&mut out, &args.out) {
            writeln!(file, "{}", serde_json::to_string(&figure)?).map_err(BenchError::at(path))?;
        }
        figures.push(figure);
    }
    Ok(figures)
}

/// One after the other: ours, DuckDB, Polars. `None` where this build lacks the transformation.
fn one(
    case: &Case,
    cases: &[Case],
    data: Data,
    rounds: usize,
    peers: Option<&Peers>,
) -> Result<Option<Figure>, BenchError> {
    let registry = etl_connectors::registry();
    let Some(ours) = Ours::configure(&registry, case)? else { return Ok(None) };
    let mut batches = data.batches(&case.columns)?;
    if let Some(before) = cases.iter().find(|before| Some(before.name) == case.behind)
        && let Some(before) = Ours::configure(&registry, before)?
    {
        batches = before.transform(batches)?;
    }
    let (times, checksum) = ours.measure(&batches, rounds, &case.checked)?;
    drop(batches);
    let figure = Figure {
        transformation: case.transformation,
        case: case.name,
        rows: data.rows,
        ours: times,
        duckdb: None,
        polars: None,
        times_of_better: None,
        goal: case.goal,
    };
    let Some(peers) = peers else { return Ok(Some(figure)) };
    let duckdb = peers.measure("duckdb", case, rounds, &checksum)?;
    let polars = peers.measure("polars", case, rounds, &checksum)?;
    Ok(Some(figure.compared(duckdb, polars)))
}

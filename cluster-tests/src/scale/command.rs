use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use etl_test_services::{Durability, PostgresServer};

use super::report::Report;
use super::{catalogue, idle, throughput};
use crate::group::Error;

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A quick pass with few records, partitions and workflows.
    #[arg(long)]
    short: bool,
    /// Only these parts.
    #[arg(long, value_enum, value_name = "NAME")]
    part: Vec<Part>,
    /// Records of each run that measures throughput [default: 480000; short: 24000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    records: Option<u64>,
    /// Partitions without work [default: 10000; short: 300].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(3..=12_000))]
    partitions: Option<u64>,
    /// Workflows [default: 1000; short: 50].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    workflows: Option<u64>,
    /// Where nodes and server have their data [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// One JSON document instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Records per second of one, two and three nodes into a destination that is far away.
    Throughput,
    /// What partitions cost that have nothing to do, and how soon they are placed.
    Idle,
    /// Many workflows, applied and listed.
    Catalogue,
}

/// In the short form and otherwise.
const RECORDS: [u64; 2] = [24_000, 480_000];
const PARTITIONS: [u64; 2] = [300, 10_000];
const WORKFLOWS: [u64; 2] = [50, 1000];
const WATCHED: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(30)];

/// Measures and prints; fails when more nodes are no faster, or partitions without work cost too much.
pub fn run(args: &Args) -> ExitCode {
    let measured = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(measure(args)));
    match measured {
        Ok(report) => {
            if args.json {
                println!("{}", serde_json::json!(report));
            } else {
                report.show();
            }
            if report.holds(!args.short) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

async fn measure(args: &Args) -> Result<Report, Error> {
    let scratch = match &args.scratch {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let wants = |part| args.part.is_empty() || args.part.contains(&part);
    let of = |values: [u64; 2]| values[usize::from(!args.short)];
    let mut report = Report::default();
    if wants(Part::Throughput) {
        let records = args.records.unwrap_or(of(RECORDS));
        let server = PostgresServer::builder().durability(Durability::On).data_in(scratch.path()).start()?;
        for nodes in 1..=3 {
            report.throughput.push(throughput::measure(&server, scratch.path(), nodes, records).await?);
        }
    }
    if wants(Part::Idle) {
        let partitions = args.partitions.unwrap_or(of(PARTITIONS));
        let watched = WATCHED[usize::from(!args.short)];
        report.idle = Some(idle::measure(scratch.path(), partitions, watched).await?);
    }
    if wants(Part::Catalogue) {
        let workflows = args.workflows.unwrap_or(of(WORKFLOWS));
        report.catalogue = Some(catalogue::measure(scratch.path(), workflows).await?);
    }
    Ok(report)
}

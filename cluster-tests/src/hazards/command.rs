use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::ValueEnum;
use tokio::sync::Semaphore;

use super::outcome::Outcome;
use super::report::Report;
use super::scenarios::Scenario;
use super::site::Effort;
use crate::group::Error;

/// What to let happen, and how hard to try.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A quick pass: every hazard once or twice, several scenarios at a time.
    #[arg(long)]
    short: bool,
    /// Only these scenarios.
    #[arg(long, value_enum, value_name = "NAME")]
    only: Vec<Scenario>,
    /// Scenarios at a time [default: 1; short: 3].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Where everything random comes from; printed with the result.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where the members have their data [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Leave there what the members have kept and said.
    #[arg(long)]
    keep: bool,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// Carries out the scenarios and prints what they did; fails when a write was lost, a fault did not bite or something that should
/// be seen was not.
pub fn run(args: &Args) -> ExitCode {
    let proven = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(prove(args)));
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

async fn prove(args: &Args) -> Result<Report, Error> {
    let began = Instant::now();
    let chosen = if args.only.is_empty() { Scenario::value_variants() } else { &args.only };
    let turns = Arc::new(Semaphore::new(args.jobs.unwrap_or(if args.short { 3 } else { 1 }).max(1)));
    let mut running = Vec::new();
    for &scenario in chosen {
        let (short, seed, scratch, keep) = (args.short, args.seed, args.scratch.clone(), args.keep);
        let effort = Effort { short, seed, scratch, keep };
        // Never closed.
        let turn = Arc::clone(&turns).acquire_owned().await;
        running.push(tokio::spawn(async move {
            let outcome = carry_out(scenario, &effort).await;
            drop(turn);
            outcome
        }));
    }
    let mut report = Report { seed: args.seed, ..Report::default() };
    for scenario in running {
        report.scenarios.push(scenario.await.map_err(|error| Error::Unexpected(error.to_string()))?);
    }
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

async fn carry_out(scenario: Scenario, effort: &Effort) -> Outcome {
    let began = Instant::now();
    let outcome = scenario.run(effort).await.unwrap_or_else(|error| Outcome {
        scenario: scenario.name(),
        failed: Some(error.to_string()),
        ..Outcome::default()
    });
    let seconds = began.elapsed().as_secs_f64();
    eprintln!(
        "{}: {} after {seconds:.1} s",
        scenario.name(),
        if outcome.holds() { "holds" } else { "does NOT hold" }
    );
    Outcome { seconds, ..outcome }
}

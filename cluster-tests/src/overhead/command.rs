use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use comfy_table::{Table, presets};
use wait4::Wait4;

use super::collector::CountingCollector;
use crate::group::Error;

/// What a median may exceed that of a run that tells nothing, in percent.
const SOME: f64 = 3.0;
const ALL: f64 = 15.0;

/// How much to move, and how often.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The program; when left out, this one, which is `actix-etl` with crash points.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Rows of each run.
    #[arg(long, value_name = "N", default_value_t = 6_000_000)]
    rows: u64,
    /// Runs of each kind, in turn; the medians are compared.
    #[arg(long, value_name = "N", default_value_t = 9)]
    repeat: usize,
    /// Few rows and no verdict: whether it works.
    #[arg(long)]
    short: bool,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// A way of telling what a run does.
struct Kind {
    name: &'static str,
    arguments: Vec<String>,
    /// More than the first kind, in percent.
    most: Option<f64>,
    seconds: Vec<f64>,
    cpu: Vec<f64>,
}

/// The figures of a kind.
#[derive(Debug, serde::Serialize)]
struct Figure {
    kind: &'static str,
    median_s: f64,
    least_s: f64,
    most_s: f64,
    rows_per_s: f64,
    /// Of the whole process, start and end included.
    cpu_s: f64,
    cpu_overhead_percent: f64,
    overhead_percent: f64,
    allowed_percent: Option<f64>,
}

/// Measures and prints; fails when it costs more than it may.
pub fn run(args: &Args) -> ExitCode {
    match measure(args) {
        Ok((figures, spans)) => {
            let is_dear =
                |figure: &Figure| figure.allowed_percent.is_some_and(|most| figure.overhead_percent > most);
            if args.json {
                println!("{}", serde_json::json!({ "figures": figures, "spans": spans }));
            } else {
                show(&figures, spans);
            }
            match !args.short && figures.iter().any(is_dear) {
                true => ExitCode::FAILURE,
                false => ExitCode::SUCCESS,
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

fn kinds(url: &str) -> Vec<Kind> {
    let kind = |name, arguments: &[&str], most| Kind {
        name,
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        most,
        seconds: Vec::new(),
        cpu: Vec::new(),
    };
    let counted = ["--http-listen", "127.0.0.1:0", "--otlp", url, "--trace-sample"];
    let with = |share: &'static str| counted.iter().copied().chain([share]).collect::<Vec<_>>();
    vec![
        kind("nothing is told", &[], None),
        kind("metrics, 1 % of batches traced", &with("1%"), Some(SOME)),
        kind("metrics, all batches traced", &with("100%"), Some(ALL)),
    ]
}

fn measure(args: &Args) -> Result<(Vec<Figure>, u64), Error> {
    let (rows, repeat) = if args.short { (200_000, 1) } else { (args.rows, args.repeat.max(1)) };
    let program = match &args.binary {
        Some(binary) => (std::path::absolute(binary)?, None),
        None => (std::env::current_exe()?, Some("node-under-test")),
    };
    let directory = tempfile::tempdir()?;
    write_input(&directory.path().join("in.csv"), rows)?;
    std::fs::write(directory.path().join("workflow.yaml"), WORKFLOW)?;
    let collector = CountingCollector::start()?;
    let mut kinds = kinds(&collector.url());
    // Once without being counted: files and caches are warm then.
    run_once(&program, directory.path(), &[])?;
    for round in 0..repeat {
        // In another order each time.
        let count = kinds.len();
        for place in 0..count {
            let kind = &mut kinds[(place + round) % count];
            let (seconds, cpu) = run_once(&program, directory.path(), &kind.arguments)?;
            kind.seconds.push(seconds);
            kind.cpu.push(cpu);
        }
    }
    let medians: Vec<(f64, f64)> =
        kinds.iter_mut().map(|kind| (median(&mut kind.seconds), median(&mut kind.cpu))).collect();
    let (base, base_cpu) = medians.first().copied().unwrap_or_default();
    let figure = |(kind, (median_s, cpu_s)): (Kind, (f64, f64))| Figure {
        kind: kind.name,
        median_s,
        least_s: kind.seconds.first().copied().unwrap_or(0.0),
        most_s: kind.seconds.last().copied().unwrap_or(0.0),
        rows_per_s: rows as f64 / median_s,
        cpu_s,
        cpu_overhead_percent: (cpu_s / base_cpu - 1.0) * 100.0,
        overhead_percent: (median_s / base - 1.0) * 100.0,
        allowed_percent: kind.most,
    };
    Ok((kinds.into_iter().zip(medians).map(figure).collect(), collector.spans()))
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(0.0)
}

const WORKFLOW: &str = "workflow:\n  name: overhead\n  source: { name: in, type: file, config: { path: in.csv } }\n  \
     transformations:\n    - { name: even, type: filter, config: { condition: \"id % 2 == 0\" } }\n  destination: { name: out, type: \
     file, config: { path: out.jsonl, mode: replace } }\n";

fn write_input(path: &Path, rows: u64) -> Result<(), Error> {
    let mut text = String::from("id,name,amount,city\n");
    for id in 0..rows {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{id},name-{},{}.{:02},city-{}",
            id * 7919 % 100_003,
            id % 9973,
            id % 100,
            id % 97
        );
    }
    Ok(std::fs::write(path, text)?)
}

/// One run from its beginning: seconds in the engine, as its summary tells, and of processor time.
fn run_once(
    (binary, prefix): &(PathBuf, Option<&str>),
    directory: &Path,
    arguments: &[String],
) -> Result<(f64, f64), Error> {
    let mut command = Command::new(binary);
    command.current_dir(directory).args(prefix).args([
        "run",
        "workflow.yaml",
        "--restart",
        "--progress",
        "none",
        "-o",
        "json",
    ]);
    let out = directory.join("summary.json");
    let said = directory.join("said.txt");
    command.args(arguments).stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&said)?);
    let ended = command.spawn()?.wait4()?;
    if !ended.status.success() {
        let said = std::fs::read_to_string(said)?;
        return Err(std::io::Error::other(format!("the run has failed: {said}")).into());
    }
    let told = std::fs::read(out)?;
    let summary: serde_json::Value =
        serde_json::from_slice(&told).map_err(|error| std::io::Error::other(error.to_string()))?;
    let seconds = summary["elapsed_seconds"].as_f64();
    let seconds = seconds.ok_or_else(|| std::io::Error::other("the summary has no time"))?;
    Ok((seconds, (ended.rusage.utime + ended.rusage.stime).as_secs_f64()))
}

fn show(figures: &[Figure], spans: u64) {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_header(["", "MEDIAN", "LEAST", "MOST", "ROWS/S", "MORE", "ALLOWED", "CPU", "MORE"]);
    for figure in figures {
        table.add_row([
            figure.kind.to_owned(),
            format!("{:.3} s", figure.median_s),
            format!("{:.3} s", figure.least_s),
            format!("{:.3} s", figure.most_s),
            format!("{:.0}", figure.rows_per_s),
            format!("{:+.1} %", figure.overhead_percent),
            figure.allowed_percent.map_or_else(|| "-".to_owned(), |most| format!("{most} %")),
            format!("{:.3} s", figure.cpu_s),
            format!("{:+.1} %", figure.cpu_overhead_percent),
        ]);
    }
    println!("{table}\n{spans} spans were taken by the collector");
}

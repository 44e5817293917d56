use std::io::{Write, stderr};
use std::path::PathBuf;

use etl_engine::{Outcome, ProgressSnapshot, RunReport};
use etl_model::{RunId, WorkflowName};
use serde_json::json;

use super::balance::balance;
use super::{bytes, count, print_json, seconds, show_failure};
use crate::arguments::Output;

/// What is said at the end of a run.
pub(crate) struct Summary<'a> {
    pub workflow: &'a WorkflowName,
    pub run: RunId,
    pub continued: bool,
    pub report: &'a RunReport,
    pub snapshot: &'a ProgressSnapshot,
    pub letters_directory: PathBuf,
}

impl Summary<'_> {
    /// Records and bytes that this process read, without what earlier ones of the run had.
    fn read_here(&self) -> (u64, u64) {
        self.snapshot.partitions.iter().fold((0, 0), |(records, size), partition| {
            let counters = &partition.counters;
            (
                records + counters.read.saturating_sub(partition.inherited),
                size + counters.bytes_read.saturating_sub(partition.inherited_bytes),
            )
        })
    }

    fn letters(&self) -> u64 {
        self.report.routes.iter().map(|route| route.counters.dead_lettered).max().unwrap_or(0)
    }

    /// Text goes to standard error, since standard output may carry records; JSON goes to standard output.
    pub fn show(&self, output: Output) -> std::io::Result<()> {
        match output {
            Output::Text => self.text(&mut stderr().lock()),
            Output::Json => print_json(&self.document()),
        }
    }

    fn text(&self, out: &mut impl Write) -> std::io::Result<()> {
        let report = self.report;
        for failure in &report.failures {
            show_failure(out, failure)?;
        }
        let (done, all) = report.partitions;
        let ended = match report.outcome {
            Outcome::Completed => "completed",
            Outcome::Stopped => "stopped; the next run continues here",
            Outcome::Failed => "failed; the next run continues here",
        };
        let continued = if self.continued { ", continued" } else { "" };
        writeln!(out, "{}: {ended} ({}{continued})", self.workflow, seconds(report.elapsed))?;
        for route in &report.routes {
            writeln!(out, "  {} -> {}", route.source, route.destination)?;
            writeln!(out, "    {}", balance(&route.counters))?;
        }
        let (records, size) = self.read_here();
        let time = report.elapsed.as_secs_f64().max(0.001);
        let rate = |n: u64| (n as f64 / time) as u64;
        writeln!(
            out,
            "  {done} of {all} partitions, {} records/s, {}/s read",
            count(rate(records)),
            bytes(rate(size))
        )?;
        if report.retries > 0 {
            writeln!(out, "  {} retries after errors that went away", report.retries)?;
        }
        if self.letters() > 0 {
            writeln!(out, "  dead letters: {}", self.letters_directory.display())?;
        }
        Ok(())
    }

    fn document(&self) -> serde_json::Value {
        let report = self.report;
        let failures: Vec<_> = report
            .failures
            .iter()
            .map(|failure| {
                json!({
                    "code": failure.error.code(),
                    "message": failure.error.to_string(),
                    "help": failure.error.help(),
                    "step": failure.error.step(),
                    "source": failure.source,
                    "partition": failure.partition,
                })
            })
            .collect();
        let (records, size) = self.read_here();
        json!({
            "workflow": self.workflow,
            "run": self.run,
            "continued": self.continued,
            "outcome": report.outcome,
            "elapsed_seconds": report.elapsed.as_secs_f64(),
            "partitions": { "done": report.partitions.0, "all": report.partitions.1 },
            "routes": report.routes,
            "records_read_here": records,
            "bytes_read_here": size,
            "retries": report.retries,
            "dead_letters": (self.letters() > 0).then(|| self.letters_directory.display().to_string()),
            "failures": failures,
        })
    }
}

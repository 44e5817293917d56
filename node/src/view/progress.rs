use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use etl_engine::{PartitionProgress, Progress, ProgressSnapshot};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{bytes, count, seconds};
use crate::arguments::ProgressMode;

/// How often the terminal is redrawn.
const REDRAW: Duration = Duration::from_millis(100);
/// How often a JSON line is written.
const LINE: Duration = Duration::from_secs(5);
/// Partitions shown one by one.
const SHOWN: usize = 8;

/// Shows a run while it is running, from a thread of its own.
pub(crate) struct ProgressView {
    progress: Arc<Progress>,
    end: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressView {
    /// Begins to show.
    pub fn start(mode: ProgressMode, workflow: &str, continued: bool, progress: Arc<Progress>) -> Self {
        let live = match mode {
            ProgressMode::Auto => stderr().is_terminal(),
            ProgressMode::Live => true,
            ProgressMode::Json | ProgressMode::None => false,
        };
        let (end, ended) = mpsc::channel();
        let shared = Arc::clone(&progress);
        let workflow = workflow.to_owned();
        let thread = (mode != ProgressMode::None).then(|| {
            std::thread::spawn(move || match live {
                true => show_live(&workflow, continued, &shared, &ended),
                false => show_lines(&workflow, &shared, &ended),
            })
        });
        Self { progress, end, thread }
    }

    /// Stops showing and returns the last state.
    pub fn finish(mut self) -> ProgressSnapshot {
        // Fails only when the thread has ended by itself.
        let _ = self.end.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.progress.snapshot()
    }
}

struct Totals {
    records: u64,
    size: u64,
    size_known: Option<u64>,
    records_known: Option<u64>,
    here: u64,
    size_here: u64,
}

fn totals(snapshot: &ProgressSnapshot) -> Totals {
    let partitions = &snapshot.partitions;
    let sum = |of: fn(&PartitionProgress) -> u64| partitions.iter().map(of).sum();
    Totals {
        records: sum(|p| p.counters.read),
        size: sum(|p| p.counters.bytes_read),
        size_known: partitions.iter().map(|p| p.bytes_total).sum(),
        records_known: partitions.iter().map(|p| p.records_total).sum(),
        here: sum(|p| p.counters.read.saturating_sub(p.inherited)),
        size_here: sum(|p| p.counters.bytes_read.saturating_sub(p.inherited_bytes)),
    }
}

/// How much of how much, in bytes where their number is known, else in records.
fn extent(
    bytes_total: Option<u64>,
    records_total: Option<u64>,
    size: u64,
    records: u64,
) -> Option<(u64, u64)> {
    match (bytes_total, records_total) {
        (Some(total), _) if total > 0 => Some((size.min(total), total)),
        (_, Some(total)) if total > 0 => Some((records.min(total), total)),
        _ => None,
    }
}

fn eta(done: u64, total: u64, here: u64, elapsed: Duration) -> String {
    if here == 0 || done >= total {
        return String::new();
    }
    let rest = (total - done) as f64 / here as f64 * elapsed.as_secs_f64();
    format!(", {} left", seconds(Duration::from_secs_f64(rest.min(1e9))))
}

fn headline(totals: &Totals, elapsed: Duration) -> String {
    let time = elapsed.as_secs_f64().max(0.001);
    let mut text = format!(
        "{} records, {} | {}/s, {}/s",
        count(totals.records),
        bytes(totals.size),
        count((totals.here as f64 / time) as u64),
        bytes((totals.size_here as f64 / time) as u64)
    );
    let by_size = totals.size_known.is_some_and(|known| known > 0);
    if let Some((done, total)) = extent(totals.size_known, totals.records_known, totals.size, totals.records)
    {
        let here = if by_size { totals.size_here } else { totals.here };
        text.push_str(&eta(done, total, here, elapsed));
    }
    text
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn draw(bar: &ProgressBar, extent: Option<(u64, u64)>, message: String) {
    if let Some((done, total)) = extent {
        bar.set_length(total);
        bar.set_position(done);
    }
    bar.set_message(message);
}

fn show_live(workflow: &str, continued: bool, progress: &Progress, ended: &mpsc::Receiver<()>) {
    let area = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(20));
    let whole = area.add(ProgressBar::new(0));
    let known = style("{prefix} [{bar:30}] {percent:>3}% {msg}");
    let unknown = style("{prefix} {msg}");
    whole.set_prefix(format!("{workflow}{}", if continued { " (continued)" } else { "" }));
    let mut lines: Vec<ProgressBar> = Vec::new();
    loop {
        let snapshot = progress.snapshot();
        let sums = totals(&snapshot);
        let reach = extent(sums.size_known, sums.records_known, sums.size, sums.records);
        whole.set_style(if reach.is_some() { known.clone() } else { unknown.clone() });
        draw(&whole, reach, headline(&sums, snapshot.elapsed));
        let active = snapshot.partitions.iter().filter(|p| p.state == "running" || p.state == "retrying");
        let active: Vec<_> =
            if snapshot.partitions.len() > 1 { active.take(SHOWN).collect() } else { Vec::new() };
        while lines.len() > active.len() {
            lines.pop().inspect(|line| area.remove(line));
        }
        while lines.len() < active.len() {
            lines.push(area.add(ProgressBar::new(0)));
        }
        for (line, partition) in lines.iter().zip(active) {
            let counters = &partition.counters;
            let reach =
                extent(partition.bytes_total, partition.records_total, counters.bytes_read, counters.read);
            line.set_style(style(if reach.is_some() {
                "  [{bar:20}] {percent:>3}% {msg}"
            } else {
                "  {msg}"
            }));
            let state = if partition.state == "retrying" { " (retrying)" } else { "" };
            let message = format!("{} {} records{state}", partition.partition, count(counters.read));
            draw(line, reach, message);
        }
        if !matches!(ended.recv_timeout(REDRAW), Err(RecvTimeoutError::Timeout)) {
            break;
        }
    }
    // What was drawn last may be a tick old; the summary that follows is exact.
    let _ = area.clear();
}

fn show_lines(workflow: &str, progress: &Progress, ended: &mpsc::Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LINE) {
        let snapshot = progress.snapshot();
        let sums = totals(&snapshot);
        let time = snapshot.elapsed.as_secs_f64().max(0.001);
        let state = |wanted: &str| snapshot.partitions.iter().filter(|p| p.state == wanted).count();
        let line = json!({
            "event": "progress",
            "workflow": workflow,
            "elapsed_seconds": time,
            "records": sums.records,
            "bytes": sums.size,
            "bytes_total": sums.size_known,
            "records_per_second": (sums.here as f64 / time) as u64,
            "bytes_per_second": (sums.size_here as f64 / time) as u64,
            "partitions": {
                "done": state("done"), "running": state("running"), "retrying": state("retrying"),
                "waiting": state("waiting"),
            },
        });
        // A reader that has gone away must not end the run.
        let _ = writeln!(stderr(), "{line}");
    }
}

use std::io::{IsTerminal, stderr, stdout};
use std::time::{Duration, Instant};

use etl_api::model::{PartitionCounts, RunPhase, RunView};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::runs::partitions;
use super::{RunMeter, bytes, count, print_json_line, write_run};
use crate::arguments::Output;

/// How often a line is written where there is no terminal, unless something else than the counts has changed.
const LINE: Duration = Duration::from_secs(5);

/// Shows a run while it runs: on a terminal one line that changes, elsewhere lines; for programs documents.
pub(crate) struct RunWatchView {
    way: Way,
    meter: RunMeter,
    last: Option<RunView>,
}

/// How it is shown.
enum Way {
    Json,
    Live(ProgressBar),
    /// What the last line has told, and when.
    Lines(Option<(RunPhase, PartitionCounts, Instant)>),
}

/// A view for programs.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    run: &'a RunView,
    /// Read by the sources lately; `None` before two views.
    records_per_second: Option<u64>,
    bytes_per_second: Option<u64>,
}

impl RunWatchView {
    pub fn new(output: Output) -> Self {
        let way = match output {
            Output::Json => Way::Json,
            Output::Text if stderr().is_terminal() => Way::Live(bar()),
            Output::Text => Way::Lines(None),
        };
        Self { way, meter: RunMeter::default(), last: None }
    }

    /// Shows how the run is now.
    pub fn show(&mut self, view: RunView) -> std::io::Result<()> {
        let now = Instant::now();
        let (records, size) = view.read();
        self.meter.sample(now, records, size);
        let rate = self.meter.rate(now);
        let summary = &view.summary;
        match &mut self.way {
            Way::Json => print_json_line(&Document {
                run: &view,
                records_per_second: rate.map(|(records, _)| records),
                bytes_per_second: rate.map(|(_, size)| size),
            })?,
            Way::Live(bar) => draw(bar, &view, rate),
            Way::Lines(told) => {
                let is_due = told.is_none_or(|(phase, partitions, at)| {
                    (phase, partitions) != (summary.phase, summary.partitions) || now - at >= LINE
                });
                if is_due {
                    *told = Some((summary.phase, summary.partitions, now));
                    use std::io::Write;
                    writeln!(stdout(), "{}", headline(&view, rate))?;
                }
            }
        }
        self.last = Some(view);
        Ok(())
    }

    /// Shows the rate anew, which sinks while nothing comes.
    pub fn tick(&mut self) {
        if let (Way::Live(bar), Some(view)) = (&self.way, &self.last) {
            draw(bar, view, self.meter.rate(Instant::now()));
        }
    }

    /// Shows how the run has ended.
    pub fn finish(self) -> std::io::Result<()> {
        if let Way::Live(bar) = &self.way {
            bar.finish_and_clear();
        }
        match (&self.way, &self.last) {
            (Way::Live(_) | Way::Lines(_), Some(view)) => write_run(&mut stdout().lock(), view),
            _ => Ok(()),
        }
    }
}

/// Partitions are what is known to come to an end.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    bar.set_style(style(false));
    bar
}

fn style(with_bar: bool) -> ProgressStyle {
    let template = if with_bar { "[{bar:20}] {percent:>3}% {wide_msg}" } else { "{wide_msg}" };
    // The templates are constant, and a test reads them.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn draw(bar: &ProgressBar, view: &RunView, rate: Option<(u64, u64)>) {
    let PartitionCounts { total, open, complete, .. } = view.summary.partitions;
    bar.set_style(style(complete && total > 1));
    bar.set_length(total);
    bar.set_position(total.saturating_sub(open));
    bar.set_message(headline(view, rate));
}

fn headline(view: &RunView, rate: Option<(u64, u64)>) -> String {
    let summary = &view.summary;
    let (records, size) = view.read();
    let mut text = format!("{}: {}", summary.workflow, summary.phase.as_str());
    match partitions(&summary.partitions).as_str() {
        "-" => {}
        partitions => text.push_str(&format!(", {partitions}")),
    }
    text.push_str(&format!(" | {} records, {}", count(records), bytes(size)));
    if let (Some((records, size)), RunPhase::Running) = (rate, summary.phase) {
        text.push_str(&format!(" | {}/s, {}/s", count(records), bytes(size)));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::runs::tests::view;
    use super::*;

    #[test]
    fn one_line_tells_state_progress_and_rate() {
        let mut run = view(RunPhase::Running);
        assert_eq!(headline(&run, None), "orders: running, 4 of 9+ done | 1,234 records, 137.0 MB");
        assert_eq!(
            headline(&run, Some((1500, 2_000_000))),
            "orders: running, 4 of 9+ done | 1,234 records, 137.0 MB | 1,500/s, 2.0 MB/s"
        );
        run.summary.partitions = PartitionCounts::default();
        run.summary.phase = RunPhase::Paused;
        assert_eq!(headline(&run, Some((0, 0))), "orders: paused | 1,234 records, 137.0 MB");
    }

    #[test]
    fn records_of_a_source_count_once() {
        let mut run = view(RunPhase::Running);
        let mut other = run.routes[0].clone();
        other.destination = "second".to_owned();
        other.counters.read = 1300;
        run.routes.push(other.clone());
        other.source = "other".to_owned();
        other.counters.read = 10;
        run.routes.push(other);
        assert_eq!(run.read().0, 1310);
    }

    #[test]
    fn a_document_has_the_view_and_the_rate() {
        let run = view(RunPhase::Running);
        let document = Document { run: &run, records_per_second: Some(5), bytes_per_second: None };
        let value = serde_json::to_value(&document).unwrap();
        assert_eq!(
            (value["phase"].as_str(), value["records_per_second"].as_u64()),
            (Some("running"), Some(5))
        );
        assert_eq!(value["routes"][0]["counters"]["read"], 1234);
        assert!(value["bytes_per_second"].is_null());
    }

    #[test]
    fn the_templates_are_good() {
        for template in ["[{bar:20}] {percent:>3}% {wide_msg}", "{wide_msg}"] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::process::Usage;

/// One line of the result: medians of its runs.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The workload.
    pub workload: String,
    /// Who did it.
    pub tool: String,
    /// Median wall time of the process.
    pub wall_seconds: f64,
    /// CPU time of that run.
    pub cpu_seconds: f64,
    /// The largest peak of all runs.
    pub peak_mib: f64,
    /// Rows read per second of wall time.
    pub rows_per_second: Option<f64>,
    /// Input in MB (10^6) per second of wall time.
    pub mb_per_second: Option<f64>,
    /// Wall time of every run, in their order.
    pub runs: Vec<f64>,
    /// Wall time of this line over that of actix-etl with its defaults: above 1, actix-etl is faster.
    pub times_of_ours: Option<f64>,
    /// Wall time of this line over that of the limit.
    pub times_of_limit: Option<f64>,
}

impl Line {
    /// A line from the usages of its runs; `None` without any.
    pub fn of(
        workload: &str,
        tool: &str,
        usages: &[Usage],
        rows: Option<u64>,
        bytes: Option<u64>,
    ) -> Option<Self> {
        let middle = super::process::median(usages, |usage| usage.wall.as_secs_f64())?;
        let wall = middle.wall.as_secs_f64();
        Some(Self {
            workload: workload.to_owned(),
            tool: tool.to_owned(),
            wall_seconds: wall,
            cpu_seconds: middle.cpu.as_secs_f64(),
            peak_mib: usages.iter().map(|usage| usage.peak).max().unwrap_or(0) as f64 / (1u64 << 20) as f64,
            rows_per_second: rows.map(|rows| rows as f64 / wall),
            mb_per_second: bytes.map(|bytes| bytes as f64 / 1e6 / wall),
            runs: usages.iter().map(|usage| usage.wall.as_secs_f64()).collect(),
            times_of_ours: None,
            times_of_limit: None,
        })
    }
}

/// The lines for people.
pub fn text(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "WORKLOAD", "TOOL", "SECONDS", "CPU s", "PEAK MiB", "ROWS/s", "MB/s", "x OURS", "x LIMIT", "RUNS",
    ]);
    let optional =
        |value: Option<f64>, digits: usize| value.map_or_else(String::new, |v| format!("{v:.digits$}"));
    for line in lines {
        let runs: Vec<_> = line.runs.iter().map(|seconds| format!("{seconds:.3}")).collect();
        table.add_row([
            line.workload.clone(),
            line.tool.clone(),
            format!("{:.3}", line.wall_seconds),
            format!("{:.3}", line.cpu_seconds),
            format!("{:.1}", line.peak_mib),
            optional(line.rows_per_second, 0),
            optional(line.mb_per_second, 1),
            optional(line.times_of_ours, 2),
            optional(line.times_of_limit, 2),
            runs.join(" "),
        ]);
    }
    for column in 2..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

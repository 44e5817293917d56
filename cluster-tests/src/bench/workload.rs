use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::BenchError;
use super::args::Selection;
use super::comparison::Tool;
use super::dataset::Dataset;
use super::process::Usage;
use super::task::Task;
use super::{limit, verify};

/// A file that is read, perhaps changed, and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// CSV to JSON lines.
    W1,
    /// JSON lines, filtered and mapped, to JSON lines.
    W2,
    /// CSV to a table.
    Sqlite,
    /// CSV to Parquet.
    Parquet,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::W1, Self::W2, Self::Sqlite, Self::Parquet];

    /// How it is chosen on the command line.
    pub fn selection(self) -> Selection {
        match self {
            Self::W1 => Selection::W1,
            Self::W2 => Selection::W2,
            Self::Sqlite => Selection::Sqlite,
            Self::Parquet => Selection::Parquet,
        }
    }
}

/// A workload on a data set.
#[derive(Debug)]
pub struct FileTask<'a> {
    pub workload: Workload,
    pub data: &'a Dataset,
}

impl FileTask<'_> {
    fn input(&self) -> &Path {
        match self.workload {
            Workload::W2 => &self.data.jsonl,
            Workload::W1 | Workload::Sqlite | Workload::Parquet => &self.data.csv,
        }
    }

    fn output(&self, scratch: &Path) -> PathBuf {
        scratch.join(match self.workload {
            Workload::W1 | Workload::W2 => "out.jsonl",
            Workload::Sqlite => "out.db",
            Workload::Parquet => "out.parquet",
        })
    }
}

impl Task for FileTask<'_> {
    fn title(&self) -> &'static str {
        match self.workload {
            Workload::W1 => "W1 CSV -> JSON lines",
            Workload::W2 => "W2 JSON lines, filter, map -> JSON lines",
            Workload::Sqlite => "CSV -> SQLite append",
            Workload::Parquet => "CSV -> Parquet",
        }
    }

    fn rows(&self) -> u64 {
        self.data.expected.rows
    }

    fn bytes(&self) -> Result<Option<u64>, BenchError> {
        let input = self.input();
        Ok(Some(std::fs::metadata(input).map_err(BenchError::at(input))?.len()))
    }

    fn prepare(&self) -> Result<(), BenchError> {
        Ok(())
    }

    fn workflow(&self, scratch: &Path) -> String {
        let input = self.input();
        let output = self.output(scratch);
        let transformations = match self.workload {
            Workload::W2 => serde_json::json!([
                { "type": "filter", "config": { "condition": "country == 'DE' || amount > 500.0" } },
                { "type": "mapping", "config": {
                    "keep": "*",
                    "drop": ["attributes"],
                    "mappings": [
                        { "expression": "first_name + ' ' + last_name", "destination": "full_name" },
                        { "expression": "int(math.round(amount * 100.0))", "destination": "amount_cents" },
                    ],
                } },
            ]),
            Workload::W1 | Workload::Sqlite | Workload::Parquet => serde_json::json!([]),
        };
        let destination = match self.workload {
            Workload::Sqlite => {
                serde_json::json!({ "type": "sqlite", "config": { "path": output, "table": "users" } })
            }
            _ => serde_json::json!({ "type": "file", "config": { "path": output } }),
        };
        serde_json::json!({
            "workflow": {
                "name": "bench",
                "delivery": { "guarantee": "exactly_once" },
                "source": { "type": "file", "config": { "path": input } },
                "transformations": transformations,
                "destination": destination,
            }
        })
        .to_string()
    }

    fn limit_title(&self) -> &'static str {
        limit::title(self.workload)
    }

    fn limit(&self, scratch: &Path) -> Result<Usage, BenchError> {
        limit::run(self.workload, self.input(), &scratch.join("copy"))
    }

    fn arguments(&self, tool: Tool, scratch: &Path) -> Option<Vec<OsString>> {
        let name = match (tool, self.workload) {
            (Tool::DuckDb | Tool::Polars, Workload::W1) => "w1",
            (Tool::DuckDb | Tool::Polars, Workload::W2) => "w2",
            _ => return None,
        };
        Some(vec![name.into(), self.input().into(), self.output(scratch).into()])
    }

    fn verify(&self, scratch: &Path) -> Result<(), BenchError> {
        let output = self.output(scratch);
        match self.workload {
            Workload::W1 => verify::json_lines(&output, self.data.expected.rows, false),
            Workload::W2 => verify::json_lines(&output, self.data.expected.rows, true),
            Workload::Sqlite => verify::sqlite(&output, &self.data.expected),
            Workload::Parquet => verify::parquet(&output, &self.data.expected),
        }
    }
}

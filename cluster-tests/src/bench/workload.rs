use std::path::{Path, PathBuf};

use super::BenchError;
use super::args::Selection;
use super::dataset::Dataset;
use super::verify;

/// Something that is read, perhaps changed, and written.
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

    /// What it is called in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::W1 => "W1 CSV -> JSON lines",
            Self::W2 => "W2 JSON lines, filter, map -> JSON lines",
            Self::Sqlite => "CSV -> SQLite append",
            Self::Parquet => "CSV -> Parquet",
        }
    }

    /// What it reads.
    pub fn input(self, data: &Dataset) -> &Path {
        match self {
            Self::W2 => &data.jsonl,
            Self::W1 | Self::Sqlite | Self::Parquet => &data.csv,
        }
    }

    /// What it writes.
    pub fn output(self, directory: &Path) -> PathBuf {
        directory.join(match self {
            Self::W1 | Self::W2 => "out.jsonl",
            Self::Sqlite => "out.db",
            Self::Parquet => "out.parquet",
        })
    }

    /// The workflow, which is also JSON, so that any path can stand in it.
    pub fn workflow(self, data: &Dataset, directory: &Path) -> String {
        let input = self.input(data);
        let output = self.output(directory);
        let transformations = match self {
            Self::W2 => serde_json::json!([
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
            Self::W1 | Self::Sqlite | Self::Parquet => serde_json::json!([]),
        };
        let destination = match self {
            Self::Sqlite => {
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

    /// Compares an output with what it must hold.
    pub fn verify(self, data: &Dataset, output: &Path) -> Result<(), BenchError> {
        match self {
            Self::W1 => verify::json_lines(output, data.expected.rows, false),
            Self::W2 => verify::json_lines(output, data.expected.rows, true),
            Self::Sqlite => verify::sqlite(output, &data.expected),
            Self::Parquet => verify::parquet(output, &data.expected),
        }
    }
}

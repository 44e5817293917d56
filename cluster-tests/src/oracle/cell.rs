use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde_json::{Value, json};

use super::record::{Class, FILTERED_BUCKET, Record};

/// The name of the workflow under test.
pub const WORKFLOW: &str = "oracle";

/// What the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    Csv,
    JsonLines,
    Parquet,
    Sqlite,
}

/// Where the output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestinationKind {
    SqliteAppend,
    SqliteUpsert,
    JsonLines,
    Parquet,
}

/// One pair of source and destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub source: SourceKind,
    pub destination: DestinationKind,
}

/// What must become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Delivered,
    Filtered,
    DeadLettered,
}

impl SourceKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::JsonLines, Self::Parquet, Self::Sqlite];

    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
            Self::Sqlite => "sqlite",
        }
    }

    /// A Parquet file cannot hold a malformed record: its columns have types.
    pub fn holds_malformed(self) -> bool {
        self != Self::Parquet
    }

    fn step(self, input: &Path) -> Value {
        let types = json!({
            "p": "int", "i": "int", "text": "string", "note": "string", "price": "float", "flag": "boolean",
            "bucket": "int", "divisor": "int", "checksum": "string",
        });
        let files = input.join(format!("part-*.{}", self.name()));
        let config = match self {
            Self::Csv | Self::JsonLines => json!({ "path": files, "schema": types }),
            Self::Parquet => json!({ "path": files }),
            Self::Sqlite => json!({ "path": input.join("input.db"), "table": "records" }),
        };
        let kind = if self == Self::Sqlite { "sqlite" } else { "file" };
        json!({ "type": kind, "on_error": "dead_letter", "config": config })
    }
}

impl DestinationKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SqliteAppend, Self::SqliteUpsert, Self::JsonLines, Self::Parquet];

    fn name(self) -> &'static str {
        match self {
            Self::SqliteAppend => "sqlite",
            Self::SqliteUpsert => "sqlite_upsert",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// Whether it is a table.
    pub fn is_sqlite(self) -> bool {
        matches!(self, Self::SqliteAppend | Self::SqliteUpsert)
    }

    /// The name of the file that it writes.
    pub fn file(self) -> &'static str {
        match self {
            Self::SqliteAppend | Self::SqliteUpsert => "out.db",
            Self::JsonLines => "out.jsonl",
            Self::Parquet => "out.parquet",
        }
    }

    fn step(self, output: &Path) -> Value {
        let path = output.join(self.file());
        let config = match self {
            Self::SqliteAppend => json!({ "path": path, "table": "records" }),
            Self::SqliteUpsert => {
                json!({ "path": path, "table": "records", "mode": "upsert", "key": ["p", "i"] })
            }
            Self::JsonLines | Self::Parquet => json!({ "path": path }),
        };
        let kind = if self.is_sqlite() { "sqlite" } else { "file" };
        json!({ "type": kind, "on_error": "dead_letter", "config": config })
    }
}

impl Cell {
    /// The whole matrix.
    pub fn all() -> Vec<Self> {
        let pairs = |source| DestinationKind::ALL.map(|destination| Self { source, destination });
        SourceKind::ALL.into_iter().flat_map(pairs).collect()
    }

    /// What must become of a record here.
    pub fn fate(self, record: &Record) -> Fate {
        match record.class {
            Class::Filtered => Fate::Filtered,
            Class::Malformed if self.source.holds_malformed() => Fate::DeadLettered,
            Class::Uncomputable => Fate::DeadLettered,
            Class::Refused if self.destination.is_sqlite() => Fate::DeadLettered,
            Class::Plain | Class::Malformed | Class::Refused => Fate::Delivered,
        }
    }

    /// The workflow file; JSON is YAML too.
    pub fn workflow(self, input: &Path, output: &Path) -> Value {
        json!({ "workflow": {
            "name": WORKFLOW,
            "retry": { "max_attempts": 8, "initial_backoff": "5ms", "max_backoff": "100ms" },
            "delivery": { "guarantee": "exactly_once" },
            "source": self.source.step(input),
            "transformations": [
                {
                    "type": "filter",
                    "on_error": "fail",
                    "config": { "condition": format!("bucket != {FILTERED_BUCKET}") },
                },
                {
                    "type": "mapping",
                    "on_error": "dead_letter",
                    "config": {
                        "keep": ["p", "i", "text", "note", "price", "flag", "checksum"],
                        "mappings": [
                            { "expression": "1000 / divisor", "destination": "share" },
                            { "source": "bucket", "destination": "meta.bucket" },
                            { "expression": "'p' + string(p)", "destination": "meta.label" },
                        ],
                    },
                },
            ],
            "destination": self.destination.step(output),
        }})
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.source.name(), self.destination.name())
    }
}

impl FromStr for Cell {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Self::all();
        all.iter().find(|cell| cell.to_string() == text).copied().ok_or_else(|| {
            let names: Vec<String> = all.iter().map(Self::to_string).collect();
            format!("there is no cell `{text}`; the cells are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_has_a_name_of_its_own() {
        assert_eq!(Cell::all().len(), 16);
        for cell in Cell::all() {
            assert_eq!(cell.to_string().parse::<Cell>().unwrap(), cell);
        }
        assert!("csv-tape".parse::<Cell>().unwrap_err().contains("csv-sqlite_upsert"));
    }
}

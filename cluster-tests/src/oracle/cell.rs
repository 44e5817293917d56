use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde_json::{Value, json};

use super::postgres;
use super::record::{Class, FILTERED_BUCKET, Record};

/// The share of a record whose share cannot be computed, once the workflow says so.
pub const CORRECTED_SHARE: i64 = 1_000_000;

/// The name of the workflow under test.
pub const WORKFLOW: &str = "oracle";

/// What the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    Csv,
    JsonLines,
    Parquet,
    Sqlite,
    /// A table with an integer key, cut into ranges of it.
    Postgres,
    /// A table without a key, cut into ranges of its pages.
    PostgresPages,
    /// The same with no value that could be stored apart, so that it is read block by block.
    PostgresBlocks,
}

/// Where the output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestinationKind {
    SqliteAppend,
    SqliteUpsert,
    JsonLines,
    Parquet,
    PostgresAppend,
    PostgresUpsert,
}

/// Where a workflow finds its input and leaves its output.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The directory of the input.
    pub input: &'a Path,
    /// The directory of the output.
    pub output: &'a Path,
    /// The URL of the PostgreSQL database, where there is one.
    pub database: Option<&'a str>,
}

/// One pair of source and destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub source: SourceKind,
    pub destination: DestinationKind,
}

/// What a workflow says beside its source and destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// What the matrix needs.
    Plain,
    /// With a circuit breaker at the destination.
    Guarded,
    /// The same, after it was corrected for the records that could not be computed.
    Corrected,
}

/// What must become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Delivered,
    Filtered,
    DeadLettered,
}

impl SourceKind {
    /// Those that need no server.
    const SERVERLESS: [Self; 4] = [Self::Csv, Self::JsonLines, Self::Parquet, Self::Sqlite];

    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::PostgresPages => "postgres_pages",
            Self::PostgresBlocks => "postgres_blocks",
        }
    }

    /// Whether it is a table of PostgreSQL.
    pub fn is_postgres(self) -> bool {
        matches!(self, Self::Postgres | Self::PostgresPages | Self::PostgresBlocks)
    }

    fn step(self, places: &Places<'_>) -> Value {
        let types = json!({
            "p": "int", "i": "int", "text": "string", "note": "string", "price": "float", "flag": "boolean",
            "bucket": "int", "divisor": "int", "checksum": "string",
        });
        let files = places.input.join(format!("part-*.{}", self.name()));
        let config = match self {
            Self::Csv | Self::JsonLines => json!({ "path": files, "schema": types }),
            Self::Parquet => json!({ "path": files }),
            Self::Sqlite => json!({ "path": places.input.join("input.db"), "table": "records" }),
            Self::Postgres | Self::PostgresPages | Self::PostgresBlocks => json!({
                "url": places.database, "table": postgres::INPUT, "partitions": postgres::PARTITIONS,
            }),
        };
        let kind = match self {
            Self::Csv | Self::JsonLines | Self::Parquet => "file",
            Self::Sqlite => "sqlite",
            Self::Postgres | Self::PostgresPages | Self::PostgresBlocks => "postgres",
        };
        json!({ "type": kind, "on_error": "dead_letter", "config": config })
    }
}

impl DestinationKind {
    /// Those that need no server.
    pub const SERVERLESS: [Self; 4] =
        [Self::SqliteAppend, Self::SqliteUpsert, Self::JsonLines, Self::Parquet];
    /// Those that are tables of PostgreSQL.
    pub const POSTGRES: [Self; 2] = [Self::PostgresAppend, Self::PostgresUpsert];

    fn name(self) -> &'static str {
        match self {
            Self::SqliteAppend => "sqlite",
            Self::SqliteUpsert => "sqlite_upsert",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
            Self::PostgresAppend => "postgres",
            Self::PostgresUpsert => "postgres_upsert",
        }
    }

    /// Whether it is a table of SQLite.
    pub fn is_sqlite(self) -> bool {
        matches!(self, Self::SqliteAppend | Self::SqliteUpsert)
    }

    /// Whether it is a table of PostgreSQL.
    pub fn is_postgres(self) -> bool {
        matches!(self, Self::PostgresAppend | Self::PostgresUpsert)
    }

    /// Whether it is a table.
    pub fn is_table(self) -> bool {
        self.is_sqlite() || self.is_postgres()
    }

    /// Whether rows of the same key are overwritten.
    pub fn is_upsert(self) -> bool {
        matches!(self, Self::SqliteUpsert | Self::PostgresUpsert)
    }

    /// Of so many records made to be refused, a table of PostgreSQL refuses two: one by a check, one by a unique index.
    /// An upsert has to look for each of them, which takes long.
    pub fn refusal_step(self) -> i64 {
        if self == Self::PostgresUpsert { 16 } else { 2 }
    }

    /// Whether a record made to be refused is refused here.
    fn refuses(self, record: &Record) -> bool {
        self.is_sqlite() || self.is_postgres() && record.i % self.refusal_step() < 2
    }

    /// Whether rows are written in the order in which they come. An upsert of PostgreSQL merges a unit as a set.
    pub fn keeps_order(self) -> bool {
        self != Self::PostgresUpsert
    }

    /// The name of the file that it writes, if it is one.
    pub fn file(self) -> &'static str {
        match self {
            Self::SqliteAppend | Self::SqliteUpsert => "out.db",
            Self::JsonLines => "out.jsonl",
            Self::Parquet => "out.parquet",
            Self::PostgresAppend | Self::PostgresUpsert => "",
        }
    }

    fn step(self, places: &Places<'_>) -> Value {
        let path = places.output.join(self.file());
        let config = match self {
            Self::SqliteAppend => json!({ "path": path, "table": "records" }),
            Self::SqliteUpsert => {
                json!({ "path": path, "table": "records", "mode": "upsert", "key": ["p", "i"] })
            }
            Self::JsonLines | Self::Parquet => json!({ "path": path }),
            Self::PostgresAppend => json!({ "url": places.database, "table": postgres::OUTPUT }),
            Self::PostgresUpsert => json!({
                "url": places.database, "table": postgres::OUTPUT, "mode": "upsert", "key": ["p", "i"],
            }),
        };
        let kind = match self {
            Self::JsonLines | Self::Parquet => "file",
            Self::SqliteAppend | Self::SqliteUpsert => "sqlite",
            Self::PostgresAppend | Self::PostgresUpsert => "postgres",
        };
        json!({ "type": kind, "on_error": "dead_letter", "config": config })
    }
}

impl Cell {
    /// The whole matrix.
    pub fn all() -> Vec<Self> {
        use DestinationKind::{Parquet, PostgresAppend, PostgresUpsert, SqliteAppend};
        let pairs = |source| DestinationKind::SERVERLESS.map(|destination| Self { source, destination });
        let mut all: Vec<Self> = SourceKind::SERVERLESS.into_iter().flat_map(pairs).collect();
        let with_server: [(SourceKind, &[DestinationKind]); 4] = [
            (SourceKind::Csv, &[PostgresAppend, PostgresUpsert]),
            (SourceKind::Postgres, &[PostgresAppend, PostgresUpsert, Parquet, SqliteAppend]),
            (SourceKind::PostgresPages, &[PostgresAppend, Parquet]),
            (SourceKind::PostgresBlocks, &[PostgresAppend, Parquet]),
        ];
        for (source, destinations) in with_server {
            all.extend(destinations.iter().map(|&destination| Self { source, destination }));
        }
        all
    }

    /// Whether PostgreSQL is on one of its sides.
    pub fn uses_postgres(self) -> bool {
        self.source.is_postgres() || self.destination.is_postgres()
    }

    /// Whether prices are exact numbers in the input, which a column of floats in SQLite does not take.
    pub fn has_exact_prices(self) -> bool {
        self.source.is_postgres() && !self.destination.is_sqlite()
    }

    /// Whether malformed records are malformed in the input. The columns of a Parquet file and of a table of PostgreSQL
    /// have types; an exact number of the latter may still be NaN.
    fn holds_malformed(self) -> bool {
        match self.source {
            SourceKind::Csv | SourceKind::JsonLines | SourceKind::Sqlite => true,
            SourceKind::Parquet => false,
            _ => self.has_exact_prices(),
        }
    }

    /// What must become of a record here.
    pub fn fate(self, record: &Record) -> Fate {
        match record.class {
            Class::Filtered => Fate::Filtered,
            Class::Malformed if self.holds_malformed() => Fate::DeadLettered,
            Class::Uncomputable => Fate::DeadLettered,
            Class::Refused if self.destination.refuses(record) => Fate::DeadLettered,
            Class::Plain | Class::Malformed | Class::Refused => Fate::Delivered,
        }
    }

    /// The workflow file; JSON is YAML too.
    pub fn workflow(self, places: &Places<'_>, version: Version) -> Value {
        let share = match version {
            Version::Plain | Version::Guarded => "1000 / divisor".to_owned(),
            Version::Corrected => format!("divisor == 0 ? {CORRECTED_SHARE} : 1000 / divisor"),
        };
        let mut destination = self.destination.step(places);
        if version != Version::Plain {
            destination["circuit_breaker"] = json!({ "failures": 3, "within": "10s", "open_for": "100ms" });
        }
        // A server takes longer to come back than anything in a file.
        let attempts = if self.uses_postgres() { 60 } else { 8 };
        json!({ "workflow": {
            "name": WORKFLOW,
            "retry": { "max_attempts": attempts, "initial_backoff": "5ms", "max_backoff": "100ms" },
            "delivery": { "guarantee": "exactly_once" },
            "source": self.source.step(places),
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
                            { "expression": share, "destination": "share" },
                            { "source": "bucket", "destination": "meta.bucket" },
                            { "expression": "'p' + string(p)", "destination": "meta.label" },
                        ],
                    },
                },
            ],
            "destination": destination,
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
        assert_eq!(Cell::all().len(), 26);
        for cell in Cell::all() {
            assert_eq!(cell.to_string().parse::<Cell>().unwrap(), cell);
        }
        assert!("csv-tape".parse::<Cell>().unwrap_err().contains("csv-sqlite_upsert"));
    }
}

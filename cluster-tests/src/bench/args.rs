use std::path::PathBuf;

use clap::ValueEnum;

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rows of the generated data set; W6 has ten times as many.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub rows: u64,
    /// Runs of every workload; the table shows medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// Only these workloads.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Selection>,
    /// Measure DuckDB, Polars, ADBC with PyArrow and connectorx too, as far as `--python` can import them.
    #[arg(long)]
    pub compare: bool,
    /// The Python interpreter of the comparisons.
    #[arg(long, default_value = "python3", value_name = "PROGRAM")]
    pub python: PathBuf,
    /// The program to measure [default: built now, in release mode].
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,
    /// Where data and outputs are put; the data is kept and used again [default: a directory in the system's
    /// temporary one].
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Data that passes through the workload `memory`, in MiB.
    #[arg(long, default_value_t = 2048, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub wide_mib: u64,
    /// How long the destination of the workload `memory` takes only 1 MB/s before it takes everything.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub slow_seconds: u64,
    /// How the table is written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Selection {
    /// CSV to one JSON lines file, in order.
    W1,
    /// JSON lines, filtered and mapped, to one JSON lines file, in order.
    W2,
    /// CSV appended to a PostgreSQL table.
    W3,
    /// A PostgreSQL table to one Parquet file.
    W4,
    /// A PostgreSQL table appended to one of another database.
    W5,
    /// A long and narrow PostgreSQL table to one Parquet file.
    W6,
    /// CSV upserted into a PostgreSQL table that has half of the keys.
    W7,
    /// CSV to a new SQLite table.
    Sqlite,
    /// CSV to one Parquet file.
    Parquet,
    /// Start of the process to the first row on standard output.
    Startup,
    /// Rows of 1 MB to a destination that takes 1 MB/s, in 64 MiB of memory; only when named.
    Memory,
}

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs: one JSON document.
    Json,
}

impl Args {
    /// Whether a workload is to be measured.
    pub fn wants(&self, selection: Selection) -> bool {
        match self.only.is_empty() {
            true => selection != Selection::Memory,
            false => self.only.contains(&selection),
        }
    }
}

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::BenchError;

/// Another tool, as a Python program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// DuckDB.
    DuckDb,
    /// Polars.
    Polars,
    /// The ADBC driver for PostgreSQL with PyArrow.
    Adbc,
    /// connectorx with Polars.
    Connectorx,
}

impl Tool {
    const ALL: [Self; 4] = [Self::DuckDb, Self::Polars, Self::Adbc, Self::Connectorx];

    /// What it is called in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::DuckDb => "DuckDB",
            Self::Polars => "Polars",
            Self::Adbc => "ADBC + PyArrow",
            Self::Connectorx => "connectorx + Polars",
        }
    }

    /// The module that gives it its version, and another one that it needs.
    fn modules(self) -> [&'static str; 2] {
        match self {
            Self::DuckDb => ["duckdb", "duckdb"],
            Self::Polars => ["polars", "polars"],
            Self::Adbc => ["adbc_driver_postgresql", "pyarrow"],
            Self::Connectorx => ["connectorx", "polars"],
        }
    }

    fn script(self) -> &'static str {
        match self {
            Self::DuckDb => include_str!("../../bench/duckdb_workload.py"),
            Self::Polars => include_str!("../../bench/polars_workload.py"),
            Self::Adbc => include_str!("../../bench/adbc_workload.py"),
            Self::Connectorx => include_str!("../../bench/connectorx_workload.py"),
        }
    }
}

/// A tool that can be run here.
#[derive(Debug)]
pub struct Contestant {
    pub tool: Tool,
    /// Its version.
    pub version: String,
    script: PathBuf,
}

/// The tools that can be run here.
#[derive(Debug, Default)]
pub struct Comparison {
    python: PathBuf,
    pub contestants: Vec<Contestant>,
}

impl Comparison {
    /// Asks the interpreter for each tool; one that cannot be imported is left out and named.
    pub fn find(python: &Path, directory: &Path) -> Result<Self, BenchError> {
        let mut contestants = Vec::new();
        for tool in Tool::ALL {
            let [module, other] = tool.modules();
            let program = format!("import {module}, {other}; print({module}.__version__)");
            let found = Command::new(python)
                .args(["-c", &program])
                .stdin(Stdio::null())
                .output()
                .map_err(BenchError::io(python.display().to_string()))?;
            if !found.status.success() {
                let python = python.display();
                eprintln!("bench: without {}: {python} cannot import {module} and {other}", tool.title());
                continue;
            }
            let script = directory.join(format!("{module}_workload.py"));
            std::fs::write(&script, tool.script()).map_err(BenchError::at(&script))?;
            let version = String::from_utf8_lossy(&found.stdout).trim().to_owned();
            contestants.push(Contestant { tool, version, script });
        }
        Ok(Self { python: python.to_path_buf(), contestants })
    }

    /// The command that runs a tool's script.
    pub fn command(&self, contestant: &Contestant, arguments: &[OsString]) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(&contestant.script).args(arguments).stdout(Stdio::null());
        command
    }
}

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::BenchError;
use super::workload::Workload;

/// Another tool, as a Python program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// DuckDB.
    DuckDb,
    /// Polars.
    Polars,
}

impl Tool {
    /// What it is called in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::DuckDb => "DuckDB",
            Self::Polars => "Polars",
        }
    }

    fn module(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Polars => "polars",
        }
    }

    fn script(self) -> &'static str {
        match self {
            Self::DuckDb => include_str!("../../bench/duckdb_workload.py"),
            Self::Polars => include_str!("../../bench/polars_workload.py"),
        }
    }
}

/// The tools that can be run here, with their scripts.
#[derive(Debug)]
pub struct Comparison {
    python: PathBuf,
    /// Tool, version, script.
    pub tools: Vec<(Tool, String, PathBuf)>,
}

impl Comparison {
    /// Asks the interpreter for each tool; one that cannot be imported is left out and named.
    pub fn find(python: &Path, directory: &Path) -> Result<Self, BenchError> {
        let mut tools = Vec::new();
        for tool in [Tool::DuckDb, Tool::Polars] {
            let module = tool.module();
            let program = format!("import {module}; print({module}.__version__)");
            let found = Command::new(python)
                .args(["-c", &program])
                .stdin(Stdio::null())
                .output()
                .map_err(BenchError::io(python.display().to_string()))?;
            if !found.status.success() {
                eprintln!("bench: without {}: {} cannot import {module}", tool.title(), python.display());
                continue;
            }
            let script = directory.join(format!("{module}_workload.py"));
            std::fs::write(&script, tool.script()).map_err(BenchError::at(&script))?;
            tools.push((tool, String::from_utf8_lossy(&found.stdout).trim().to_owned(), script));
        }
        Ok(Self { python: python.to_path_buf(), tools })
    }

    /// The command for a workload, if the script knows it.
    pub fn command(&self, script: &Path, workload: Workload, input: &Path, output: &Path) -> Option<Command> {
        let name = match workload {
            Workload::W1 => "w1",
            Workload::W2 => "w2",
            Workload::Sqlite | Workload::Parquet => return None,
        };
        let mut command = Command::new(&self.python);
        command.arg(script).arg(name).arg(input).arg(output).stdout(Stdio::null());
        Some(command)
    }
}

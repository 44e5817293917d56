use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::case::Case;
use super::checksum::Checksum;
use super::figure::Times;
use crate::bench::BenchError;

const SCRIPT: &str = include_str!("peers.py");
const PACKAGES: [&str; 3] = ["duckdb", "polars", "pyarrow"];

/// DuckDB and Polars in a Python of their own.
#[derive(Debug)]
pub struct Peers {
    python: PathBuf,
    script: PathBuf,
    directory: PathBuf,
    rows: u64,
}

/// What the script tells; without seconds where the tool does nothing of the kind.
#[derive(Debug, serde::Deserialize)]
struct Told {
    seconds: Vec<f64>,
    #[serde(flatten)]
    checksum: Checksum,
}

/// The directory of the virtual environment, which is kept.
fn environment() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = match geteuid().is_root() {
        true => Some(PathBuf::from("/var/cache")),
        false => set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))),
    };
    Some(cache?.join("actix-etl/python-peers"))
}

impl Peers {
    /// Makes the environment where it is missing. The data is `data.parquet` in the directory.
    pub fn prepare(directory: &Path, rows: u64) -> Result<Self, BenchError> {
        let environment = environment().ok_or_else(|| {
            BenchError::transformation("python", "there is no directory for caches".to_owned())
        })?;
        let python = environment.join("bin/python");
        let import = format!("import {}", PACKAGES.join(", "));
        if told(Command::new(&python).args(["-c", &import])).is_err() {
            eprintln!("transforms: installing {} into {}", PACKAGES.join(", "), environment.display());
            told(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
            told(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
        }
        let versions =
            "import duckdb, polars; print('DuckDB', duckdb.__version__, 'and Polars', polars.__version__)";
        eprint!("transforms: {}", told(Command::new(&python).args(["-c", versions]))?);
        let script = directory.join("peers.py");
        std::fs::write(&script, SCRIPT).map_err(BenchError::at(&script))?;
        Ok(Self { python, script, directory: directory.to_path_buf(), rows })
    }

    /// Times rounds of one of both, `duckdb` or `polars`; `None` where it does nothing of the kind.
    ///
    /// # Errors
    /// It makes something else of the data than we do.
    pub fn measure(
        &self,
        tool: &str,
        case: &Case,
        rounds: usize,
        ours: &Checksum,
    ) -> Result<Option<Times>, BenchError> {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).args([tool, case.name]).arg(&self.directory);
        command.args([case.columns.join(","), case.checked.join(",")]);
        command.args([rounds.to_string(), self.rows.to_string()]);
        let told: Told = serde_json::from_str(&told(&mut command)?)?;
        if told.seconds.is_empty() {
            return Ok(None);
        }
        if !told.checksum.agrees(ours) {
            let message = format!("{tool} yields {:?}, but we {ours:?}", told.checksum);
            return Err(BenchError::transformation(case.name, message));
        }
        Ok(Some(Times::of(told.seconds)))
    }
}

/// What a command prints.
fn told(command: &mut Command) -> Result<String, BenchError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = command.stdin(Stdio::null()).output().map_err(BenchError::io(name.clone()))?;
    match ended.status.success() {
        true => Ok(String::from_utf8_lossy(&ended.stdout).into_owned()),
        false => Err(BenchError::Process {
            command: name,
            status: ended.status.to_string(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }),
    }
}

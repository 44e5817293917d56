use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::BenchError;
use super::args::{Args, Output, Selection};
use super::comparison::Comparison;
use super::dataset::Dataset;
use super::postgres::{PostgresTask, PostgresWorkload, Site};
use super::process::{Usage, measure};
use super::table::{self, Line};
use super::task::Task;
use super::workload::{FileTask, Workload};
use super::{first_row, slow_reader};

/// What actix-etl is measured with beside its defaults.
const SMALL_MEMORY: &str = "32MiB";
/// The budget of the workload `memory`.
const WIDE_MEMORY: &str = "64MiB";
/// Rows of W6 for each one of the data set.
const NARROW_FACTOR: u64 = 10;

/// Everything that is needed to measure.
pub struct Session<'a> {
    args: &'a Args,
    binary: PathBuf,
    directory: PathBuf,
}

/// Builds the program in release mode and returns its path.
fn build() -> Result<PathBuf, BenchError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let built = Command::new(&cargo)
        .args([
            "build",
            "--release",
            "--package",
            "actix-etl",
            "--bin",
            "actix-etl",
            "--manifest-path",
            manifest,
        ])
        .args(["--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(BenchError::io("cargo build"))?;
    let executable = String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "actix-etl")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.filter(|_| built.status.success()).ok_or_else(|| BenchError::Process {
        command: "cargo build --release".to_owned(),
        status: built.status.to_string(),
        stderr: "see above; or name a program with --binary".to_owned(),
    })
}

impl<'a> Session<'a> {
    /// Builds the program if none is named, and makes the directory.
    pub fn prepare(args: &'a Args) -> Result<Self, BenchError> {
        let binary = match &args.binary {
            Some(binary) => std::path::absolute(binary).map_err(BenchError::at(binary))?,
            None => build()?,
        };
        let directory =
            args.directory.clone().unwrap_or_else(|| std::env::temp_dir().join("actix-etl-bench"));
        let directory = std::path::absolute(&directory).map_err(BenchError::at(&directory))?;
        std::fs::create_dir_all(&directory).map_err(BenchError::at(&directory))?;
        Ok(Self { args, binary, directory })
    }

    /// Measures everything asked for and prints it.
    pub fn run(&self) -> Result<(), BenchError> {
        let mut lines = Vec::new();
        let files: Vec<_> = Workload::ALL.into_iter().filter(|w| self.args.wants(w.selection())).collect();
        let tables: Vec<_> =
            PostgresWorkload::ALL.into_iter().filter(|w| self.args.wants(w.selection())).collect();
        if !files.is_empty() || !tables.is_empty() {
            let data = Dataset::prepare(&self.directory, self.args.rows)?;
            let comparison = match self.args.compare {
                true => Comparison::find(&self.args.python, &self.directory)?,
                false => Comparison::default(),
            };
            for workload in files {
                lines.extend(self.task(&FileTask { workload, data: &data }, &comparison)?);
            }
            if !tables.is_empty() {
                let narrow = tables.contains(&PostgresWorkload::W6);
                let narrow_rows = if narrow { self.args.rows * NARROW_FACTOR } else { 0 };
                let site = Site::start(&self.directory, &data, narrow_rows)?;
                for workload in tables {
                    lines.extend(self.task(&PostgresTask { workload, site: &site }, &comparison)?);
                }
            }
        }
        if self.args.wants(Selection::Startup) {
            lines.extend(self.startup()?);
        }
        if self.args.wants(Selection::Memory) {
            lines.extend(self.memory()?);
        }
        match self.args.output {
            Output::Text => println!("{}", table::text(&lines)),
            Output::Json => println!("{}", serde_json::to_string_pretty(&lines)?),
        }
        Ok(())
    }

    /// An empty directory for one run.
    fn scratch(&self) -> Result<PathBuf, BenchError> {
        let scratch = self.directory.join("run");
        match std::fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(BenchError::at(&scratch)(error));
            }
            _ => {}
        }
        std::fs::create_dir_all(&scratch).map_err(BenchError::at(&scratch))?;
        Ok(scratch)
    }

    fn ours(&self, task: &dyn Task, scratch: &Path, memory: Option<&str>) -> Result<Command, BenchError> {
        let file = scratch.join("workflow.yaml");
        std::fs::write(&file, task.workflow(scratch)).map_err(BenchError::at(&file))?;
        let mut command = Command::new(&self.binary);
        command.arg("run").arg(file).args(["--progress", "none"]).stdout(Stdio::null());
        command.args(memory.iter().flat_map(|memory| ["--memory", memory]));
        Ok(command)
    }

    /// Every tool in turn, run after run, so that a drift of the machine meets all of them.
    fn task(&self, task: &dyn Task, comparison: &Comparison) -> Result<Vec<Line>, BenchError> {
        let bytes = task.bytes()?;
        let mut limits = Vec::new();
        let mut ours: [Vec<Usage>; 2] = Default::default();
        let mut others: Vec<Vec<Usage>> = vec![Vec::new(); comparison.contestants.len()];
        for run in 1..=self.args.runs {
            eprintln!("{}: run {run} of {}", task.title(), self.args.runs);
            task.prepare()?;
            limits.push(task.limit(&self.scratch()?)?);
            for (usages, memory) in ours.iter_mut().zip([None, Some(SMALL_MEMORY)]) {
                let scratch = self.scratch()?;
                task.prepare()?;
                usages.push(measure(&mut self.ours(task, &scratch, memory)?)?);
                task.verify(&scratch)?;
            }
            for (usages, contestant) in others.iter_mut().zip(&comparison.contestants) {
                let scratch = self.scratch()?;
                if let Some(arguments) = task.arguments(contestant.tool, &scratch) {
                    task.prepare()?;
                    usages.push(measure(&mut comparison.command(contestant, &arguments))?);
                    task.verify(&scratch)?;
                }
            }
        }
        let [defaults, small] = &ours;
        let line =
            |tool: &str, usages: &[Usage]| Line::of(task.title(), tool, usages, Some(task.rows()), bytes);
        let limit = line(task.limit_title(), &limits);
        let own = line("actix-etl", defaults);
        let (limit_seconds, own_seconds) =
            (limit.as_ref().map(|line| line.wall_seconds), own.as_ref().map(|line| line.wall_seconds));
        let mut lines: Vec<Line> = Vec::new();
        lines.extend(own);
        lines.extend(line(&format!("actix-etl --memory {SMALL_MEMORY}"), small));
        lines.extend(limit);
        for (usages, contestant) in others.iter().zip(&comparison.contestants) {
            lines.extend(line(&format!("{} {}", contestant.tool.title(), contestant.version), usages));
        }
        for line in &mut lines {
            line.times_of_ours = own_seconds.map(|own| line.wall_seconds / own);
            line.times_of_limit = limit_seconds.map(|limit| line.wall_seconds / limit);
        }
        Ok(lines)
    }

    fn startup(&self) -> Result<Option<Line>, BenchError> {
        let mut usages = Vec::new();
        for _ in 0..self.args.runs {
            let wall = first_row::run(&self.binary, &self.scratch()?)?;
            usages.push(Usage { wall, cpu: Duration::ZERO, peak: 0 });
        }
        Ok(Line::of("start-up to the first row", "actix-etl", &usages, None, None))
    }

    fn memory(&self) -> Result<Option<Line>, BenchError> {
        let slow = Duration::from_secs(self.args.slow_seconds);
        let scratch = self.scratch()?;
        let (usage, bytes) = slow_reader::run(&self.binary, &scratch, self.args.wide_mib, slow, WIDE_MEMORY)?;
        let title = format!("rows of 1 MB, reader at 1 MB/s for {} s", slow.as_secs());
        Ok(Line::of(&title, &format!("actix-etl --memory {WIDE_MEMORY}"), &[usage], None, Some(bytes)))
    }
}

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::BenchError;
use super::args::{Args, Output, Selection};
use super::comparison::Comparison;
use super::dataset::Dataset;
use super::process::{Usage, measure};
use super::table::{self, Line};
use super::workload::Workload;
use super::{first_row, limit, slow_reader};

/// What actix-etl is measured with beside its defaults.
const SMALL_MEMORY: &str = "32MiB";
/// The budget of the workload `memory`.
const WIDE_MEMORY: &str = "64MiB";

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
        let chosen: Vec<_> = Workload::ALL.into_iter().filter(|w| self.args.wants(w.selection())).collect();
        if !chosen.is_empty() {
            let data = Dataset::prepare(&self.directory, self.args.rows)?;
            let comparison = match self.args.compare {
                true => Some(Comparison::find(&self.args.python, &self.directory)?),
                false => None,
            };
            for workload in chosen {
                lines.extend(self.workload(workload, &data, comparison.as_ref())?);
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

    fn ours(
        &self,
        workload: Workload,
        data: &Dataset,
        scratch: &Path,
        memory: Option<&str>,
    ) -> Result<Command, BenchError> {
        let file = scratch.join("workflow.yaml");
        std::fs::write(&file, workload.workflow(data, scratch)).map_err(BenchError::at(&file))?;
        let mut command = Command::new(&self.binary);
        command.arg("run").arg(file).args(["--progress", "none"]).stdout(Stdio::null());
        command.args(memory.iter().flat_map(|memory| ["--memory", memory]));
        Ok(command)
    }

    /// Every tool in turn, run after run, so that a drift of the machine meets all of them.
    fn workload(
        &self,
        workload: Workload,
        data: &Dataset,
        comparison: Option<&Comparison>,
    ) -> Result<Vec<Line>, BenchError> {
        let input = workload.input(data);
        let bytes = std::fs::metadata(input).map_err(BenchError::at(input))?.len();
        let mut limits = Vec::new();
        let mut ours: [Vec<Usage>; 2] = Default::default();
        let mut others: Vec<Vec<Usage>> = vec![Vec::new(); comparison.map_or(0, |c| c.tools.len())];
        for run in 1..=self.args.runs {
            eprintln!("{}: run {run} of {}", workload.title(), self.args.runs);
            limits.push(limit::run(workload, input, &self.scratch()?.join("copy"))?);
            for (usages, memory) in ours.iter_mut().zip([None, Some(SMALL_MEMORY)]) {
                let scratch = self.scratch()?;
                usages.push(measure(&mut self.ours(workload, data, &scratch, memory)?)?);
                workload.verify(data, &workload.output(&scratch))?;
            }
            for (usages, (_, _, script)) in others.iter_mut().zip(comparison.iter().flat_map(|c| &c.tools)) {
                let output = workload.output(&self.scratch()?);
                let command = comparison.and_then(|c| c.command(script, workload, input, &output));
                if let Some(mut command) = command {
                    usages.push(measure(&mut command)?);
                    workload.verify(data, &output)?;
                }
            }
        }
        let [defaults, small] = &ours;
        let line = |tool: &str, usages: &[Usage]| {
            Line::of(workload.title(), tool, usages, Some(data.expected.rows), Some(bytes))
        };
        let mut lines: Vec<Line> = Vec::new();
        lines.extend(line("actix-etl", defaults));
        lines.extend(line(&format!("actix-etl --memory {SMALL_MEMORY}"), small));
        lines.extend(line(limit::title(workload), &limits));
        for (usages, (tool, version, _)) in others.iter().zip(comparison.iter().flat_map(|c| &c.tools)) {
            lines.extend(line(&format!("{} {version}", tool.title()), usages));
        }
        let own = lines.first().map(|line| line.wall_seconds);
        for line in &mut lines {
            line.times_of_ours = own.map(|own| line.wall_seconds / own);
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

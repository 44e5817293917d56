use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::BenchError;
use super::process::{Usage, measure};
use super::workload::Workload;

/// What is measured as the physical limit of a workload.
pub fn title(workload: Workload) -> &'static str {
    match workload {
        Workload::W2 => "limit: wc -l of the input",
        Workload::W1 | Workload::Sqlite | Workload::Parquet => "limit: cat of the input, fsync",
    }
}

/// Measures the least that any program has to do: to look at every byte, or to copy every byte to disk.
pub fn run(workload: Workload, input: &Path, copy: &Path) -> Result<Usage, BenchError> {
    if workload == Workload::W2 {
        return measure(Command::new("wc").arg("-l").arg(input).stdout(Stdio::null()));
    }
    let file = File::create(copy).map_err(BenchError::at(copy))?;
    let synced = file.try_clone().map_err(BenchError::at(copy))?;
    let started = Instant::now();
    let usage = measure(Command::new("cat").arg(input).stdout(file))?;
    synced.sync_all().map_err(BenchError::at(copy))?;
    Ok(Usage { wall: started.elapsed(), ..usage })
}

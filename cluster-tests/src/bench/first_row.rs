use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::BenchError;

/// The time from the start of the program to the first byte of the first row on standard output.
pub fn run(binary: &Path, directory: &Path) -> Result<Duration, BenchError> {
    let workflow = directory.join("first-row.yaml");
    let text = "workflow:\n  name: first-row\n  source: { type: generate, config: { rows: 1 } }\n  transformations: []\n  \
                destination: { type: stdout }\n";
    std::fs::write(&workflow, text).map_err(BenchError::at(&workflow))?;
    let name = binary.display().to_string();
    let started = Instant::now();
    let mut child = Command::new(binary)
        .arg("run")
        .arg(&workflow)
        .arg("--state-dir")
        .arg(directory.join("state"))
        .args(["--progress", "none"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(BenchError::io(name.clone()))?;
    let mut first = [0u8; 1];
    let read = child.stdout.as_mut().map_or(Ok(0), |pipe| pipe.read(&mut first));
    let elapsed = started.elapsed();
    // The rest is taken, so that the program can end by itself.
    let mut rest = Vec::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_end(&mut rest).map_err(BenchError::io(name.clone()))?;
    }
    let status = child.wait().map_err(BenchError::io(name.clone()))?;
    let rows = rest.iter().filter(|byte| **byte == b'\n').count();
    if read.map_err(BenchError::io(name.clone()))? != 1 || rows != 1 || !status.success() {
        let stderr = format!("{rows} rows arrived on standard output, not 1");
        return Err(BenchError::Process { command: name, status: status.to_string(), stderr });
    }
    Ok(elapsed)
}

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wait4::Wait4;

use super::BenchError;
use super::process::Usage;

/// Bytes of a row.
const ROW: u64 = 1_000_000;
/// Bytes that the reader takes each second while it is slow.
const SLOW_RATE: u64 = 1_000_000;

/// Sends rows of 1 MB through the program to a reader that takes 1 MB/s for `slow` and then everything; returns what
/// it took and the bytes that arrived. The destination prints every row, and every row is counted.
pub fn run(
    binary: &Path,
    directory: &Path,
    mib: u64,
    slow: Duration,
    memory: &str,
) -> Result<(Usage, u64), BenchError> {
    let rows = (mib << 20).div_ceil(ROW);
    let workflow = directory.join("wide.yaml");
    let text = format!(
        "workflow:\n  name: wide\n  source: {{ type: generate, config: {{ rows: {rows}, row_bytes: {ROW}B }} }}\n  \
         transformations: []\n  destination: {{ type: stdout }}\n"
    );
    std::fs::write(&workflow, text).map_err(BenchError::at(&workflow))?;
    let name = binary.display().to_string();
    let started = Instant::now();
    let mut child = Command::new(binary)
        .arg("run")
        .arg(&workflow)
        .arg("--state-dir")
        .arg(directory.join("state"))
        .args(["--memory", memory, "--progress", "none"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(BenchError::io(name.clone()))?;
    let mut buffer = vec![0u8; 1 << 16];
    let (mut received, mut lines) = (0u64, 0u64);
    if let Some(mut pipe) = child.stdout.take() {
        loop {
            let n = pipe.read(&mut buffer).map_err(BenchError::io(name.clone()))?;
            let Some(chunk) = buffer.get(..n).filter(|chunk| !chunk.is_empty()) else { break };
            received += n as u64;
            lines += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
            let due = Duration::from_secs_f64(received as f64 / SLOW_RATE as f64);
            if due < slow {
                sleep(due.saturating_sub(started.elapsed()));
            }
        }
    }
    let used = child.wait4().map_err(BenchError::io(name.clone()))?;
    if !used.status.success() || lines != rows {
        let stderr = format!("{lines} of {rows} rows arrived");
        return Err(BenchError::Process { command: name, status: used.status.to_string(), stderr });
    }
    let cpu = used.rusage.utime + used.rusage.stime;
    Ok((Usage { wall: started.elapsed(), cpu, peak: used.rusage.maxrss }, received))
}

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use super::BenchError;

/// What a whole process took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// From its start to its end.
    pub wall: Duration,
    /// Of all its threads, in user and system mode.
    pub cpu: Duration,
    /// The largest resident set, in bytes; includes what this process had when it started the other.
    pub peak: u64,
}

/// Runs a command to its end and measures it; anything but success is an error.
pub fn measure(command: &mut Command) -> Result<Usage, BenchError> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(BenchError::io(name.clone()))?;
    let mut stderr = Vec::new();
    if let Some(mut pipe) = child.stderr.take() {
        pipe.read_to_end(&mut stderr).map_err(BenchError::io(name.clone()))?;
    }
    let used = child.wait4().map_err(BenchError::io(name.clone()))?;
    let wall = started.elapsed();
    if !used.status.success() {
        return Err(BenchError::Process {
            command: name,
            status: used.status.to_string(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        });
    }
    Ok(Usage { wall, cpu: used.rusage.utime + used.rusage.stime, peak: used.rusage.maxrss })
}

/// The middle of the values; of an even number, the upper middle.
pub fn median<T: Copy>(values: &[T], key: impl Fn(&T) -> f64) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| key(a).total_cmp(&key(b)));
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured() {
        let usage =
            measure(Command::new("sh").args(["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"]));
        let usage = usage.unwrap();
        assert!(usage.cpu > Duration::ZERO && usage.wall >= usage.cpu / 2);
        assert!(usage.peak > 100_000, "{} bytes is not a resident set", usage.peak);
    }

    #[test]
    fn a_failure_is_told_with_what_the_process_said() {
        let error = measure(Command::new("sh").args(["-c", "echo broken >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("broken") && error.to_string().contains('3'), "{error}");
        assert!(measure(&mut Command::new("/nonexistent/program")).is_err());
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[5.0, 1.0, 3.0], |v| *v), Some(3.0));
        assert_eq!(median::<f64>(&[], |v| *v), None);
    }
}

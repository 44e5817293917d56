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

/// Runs two commands, the output of the first being the input of the second, and measures both together: CPU time and
/// peak memory are sums. Anything but success of both is an error.
pub fn measure_pipe(first: &mut Command, second: &mut Command) -> Result<Usage, BenchError> {
    let name = |command: &Command| command.get_program().to_string_lossy().into_owned();
    let names = [name(first), name(second)];
    let started = Instant::now();
    first.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut source = first.spawn().map_err(BenchError::io(&names[0]))?;
    let pipe = source.stdout.take().map_or_else(Stdio::null, Stdio::from);
    second.stdin(pipe).stdout(Stdio::null()).stderr(Stdio::piped());
    let target = second.spawn().map_err(BenchError::io(&names[1]));
    // The command holds the reading end too; without it the first one ends when the second has.
    second.stdin(Stdio::null());
    let mut children = match target {
        Ok(target) => [source, target],
        Err(error) => {
            let _ = source.wait();
            return Err(error);
        }
    };
    let mut said = [Vec::new(), Vec::new()];
    std::thread::scope(|scope| {
        for (child, said) in children.iter_mut().zip(&mut said) {
            if let Some(mut pipe) = child.stderr.take() {
                // Only for the message of an error.
                scope.spawn(move || pipe.read_to_end(said).ok());
            }
        }
    });
    let [source, target] = children;
    let used = [source.wait4(), target.wait4()];
    let wall = started.elapsed();
    let mut usage = Usage { wall, cpu: Duration::ZERO, peak: 0 };
    for ((command, used), said) in names.into_iter().zip(used).zip(said) {
        let used = used.map_err(BenchError::io(&command))?;
        if !used.status.success() {
            let stderr = String::from_utf8_lossy(&said).into_owned();
            return Err(BenchError::Process { command, status: used.status.to_string(), stderr });
        }
        usage.cpu += used.rusage.utime + used.rusage.stime;
        usage.peak += used.rusage.maxrss;
    }
    Ok(usage)
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
    fn a_pipe_is_measured_as_a_whole() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        let mut produce = shell("head -c 5000000 /dev/zero");
        let usage = measure_pipe(&mut produce, &mut shell("test $(wc -c) -eq 5000000")).unwrap();
        assert!(usage.peak > 200_000 && usage.wall > Duration::ZERO);
        let error = measure_pipe(&mut produce, &mut shell("cat >/dev/null; echo broken >&2; exit 3"));
        assert!(error.unwrap_err().to_string().contains("broken"));
        let error = measure_pipe(&mut shell("echo early >&2; exit 4"), &mut shell("cat"));
        assert!(error.unwrap_err().to_string().contains("early"));
        assert!(measure_pipe(&mut produce, &mut Command::new("/nonexistent/program")).is_err());
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[5.0, 1.0, 3.0], |v| *v), Some(3.0));
        assert_eq!(median::<f64>(&[], |v| *v), None);
    }
}

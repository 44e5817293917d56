use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ServiceError;

/// How often a condition is looked at.
pub const GLANCE: Duration = Duration::from_millis(5);
/// What is run between this process and the server.
const SCRIPT: &str = include_str!("guard.sh");

/// A shell that owns a server and its directory. It lives in a process group of its own, so that neither Ctrl-C nor
/// the killing of this process's group takes it, and its standard input is a pipe whose other end only this process
/// has: when this process dies, however it dies, the shell ends the server and removes the directory. Should the
/// shell itself be killed, the server gets its death signal from the kernel.
///
/// A death signal alone would not do: it comes when the starting *thread* ends, and every test has its own.
#[derive(Debug)]
pub struct Guard {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    server: Option<u32>,
}

impl Guard {
    /// Takes over the directory; the server, `command`, which `end` has to end at once, is not started yet.
    pub fn new(directory: TempDir, log: &Path, end: &str, command: &Command) -> Result<Self, ServiceError> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(directory.path())
            .arg(log)
            .arg(end)
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(ServiceError::io("sh"))?;
        let (orders, answers) = (shell.stdin.take(), shell.stdout.take());
        let lost = || ServiceError::Refused("the guard has no pipe".to_owned());
        let answers = BufReader::new(answers.ok_or_else(lost)?);
        // From here on the shell removes it.
        let _ = directory.keep();
        Ok(Self { shell, orders, answers, server: None })
    }

    fn order(&mut self, line: &str) -> Result<(), ServiceError> {
        match &mut self.orders {
            Some(orders) => writeln!(orders, "{line}").map_err(ServiceError::io("the guard")),
            None => Err(ServiceError::Refused("the guard has ended".to_owned())),
        }
    }

    fn answer<T: std::str::FromStr>(&mut self) -> Result<T, ServiceError> {
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(ServiceError::io("the guard"))?;
        line.trim().parse().map_err(|_| ServiceError::Refused(format!("the guard answered {line:?}")))
    }

    /// Starts the server and returns its process id.
    pub fn start(&mut self) -> Result<u32, ServiceError> {
        if self.server.is_some() {
            return Err(ServiceError::Refused("the server is running already".to_owned()));
        }
        self.order("start")?;
        let id = self.answer()?;
        self.server = Some(id);
        Ok(id)
    }

    /// The process id of the server, unless it has been stopped.
    pub fn server(&self) -> Option<u32> {
        self.server
    }

    /// The status of a server that has ended by itself, or `None` while it runs.
    pub fn ended(&mut self) -> Result<Option<i32>, ServiceError> {
        let Some(id) = self.server else { return Ok(None) };
        if is_alive(id) {
            return Ok(None);
        }
        self.order("reap")?;
        let status = self.answer()?;
        self.server = None;
        Ok(Some(status))
    }

    /// Sends a signal to the server and waits for its end.
    pub fn stop(&mut self, signal: &str, limit: Duration) -> Result<(), ServiceError> {
        if self.server.is_none() {
            return Err(ServiceError::Refused("the server is not running".to_owned()));
        }
        self.order(&format!("signal {signal}"))?;
        let began = Instant::now();
        while self.ended()?.is_none() {
            if began.elapsed() > limit {
                return Err(ServiceError::TimedOut { what: format!("the end by signal {signal}"), limit });
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.orders.take());
        // The shell is a child of this process and waited for nowhere else.
        let _ = self.shell.wait();
    }
}

/// Whether a process runs; one that nobody has waited for yet does not.
fn is_alive(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The command's name stands in brackets before the state and may contain anything.
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn guard(script: &str) -> (Guard, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_path_buf();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        (Guard::new(directory, &path.join("log"), "TERM", &command).unwrap(), path)
    }

    #[test]
    fn a_drop_ends_the_server_and_removes_the_directory() {
        let (mut guard, directory) = guard("exec sleep 1000");
        let id = guard.start().unwrap();
        assert!(is_alive(id) && directory.is_dir());
        assert!(guard.start().is_err(), "started twice");
        drop(guard);
        assert!(!is_alive(id) && !directory.exists());
    }

    #[test]
    fn the_status_of_a_server_that_ends_by_itself_is_known() {
        let (mut guard, _) = guard("exit 7");
        guard.start().unwrap();
        let status = loop {
            match guard.ended().unwrap() {
                Some(status) => break status,
                None => std::thread::yield_now(),
            }
        };
        assert_eq!((status, guard.server()), (7, None));
        assert!(guard.stop("TERM", Duration::from_secs(1)).is_err(), "stopped what does not run");
    }

    #[test]
    fn a_server_is_stopped_and_started_again() {
        let (mut guard, directory) = guard("echo started; exec sleep 1000");
        let first = guard.start().unwrap();
        guard.stop("TERM", Duration::from_secs(10)).unwrap();
        assert!(!is_alive(first));
        let second = guard.start().unwrap();
        assert!(is_alive(second));
        guard.stop("KILL", Duration::from_secs(10)).unwrap();
        assert!(directory.is_dir(), "a stop keeps the data");
    }

    #[test]
    fn a_server_that_does_not_end_is_told() {
        let (mut guard, _) = guard("trap '' TERM; while :; do sleep 0.01; done");
        guard.start().unwrap();
        let error = guard.stop("CONT", Duration::from_millis(20)).unwrap_err();
        assert!(matches!(error, ServiceError::TimedOut { .. }), "{error}");
        guard.stop("KILL", Duration::from_secs(10)).unwrap();
    }
}

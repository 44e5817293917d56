use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::error::Error;
use crate::node_under_test::CHUNKS_FILE;

/// The longest time one process may take; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_micros(500);

/// What a node may use: little memory, so that chunks are small and many.
const MEMORY_MIB: u64 = 16;
const PARALLELISM: u64 = 2;

/// Bytes that the chunks of each of so many partitions may occupy at once in a node: those that run at the same time
/// share a quarter of its memory.
pub fn permits(partitions: u64) -> u64 {
    (MEMORY_MIB << 20) / 4 / partitions.clamp(1, PARALLELISM)
}

/// A running node; killed when dropped, so that none is left behind.
pub struct Node {
    child: Child,
    log: PathBuf,
    summary: PathBuf,
    chunks: PathBuf,
}

/// A node that has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// What it wrote.
    pub output: String,
    /// Its JSON summary, if it came to that.
    pub summary: Option<Value>,
    /// What it logged.
    pub log: String,
    /// Chunks it fetched from its sources, if it lived to tell.
    pub chunks: Option<u64>,
}

impl Node {
    /// Starts a run of `workflow` with its state in `state`. Its output and log go to files `NAME.*` beside the state.
    pub fn start(name: &str, workflow: &Path, state: &Path, failpoints: &str) -> Result<Self, Error> {
        let arguments = [
            "--memory".to_owned(),
            format!("{MEMORY_MIB}MiB"),
            "--parallelism".to_owned(),
            PARALLELISM.to_string(),
        ];
        let others = ["--commit-interval", "5ms", "--workers", "2", "--progress", "none"].map(str::to_owned);
        let arguments: Vec<String> = arguments.into_iter().chain(others).collect();
        Self::begin(name, &["run"], workflow, state, &arguments, failpoints)
    }

    /// Replays the letters of a step through `workflow`.
    pub fn replay(
        name: &str,
        workflow: &Path,
        state: &Path,
        step: &str,
        failpoints: &str,
    ) -> Result<Self, Error> {
        let arguments = ["--step".to_owned(), step.to_owned()];
        Self::begin(name, &["dlq", "replay"], workflow, state, &arguments, failpoints)
    }

    fn begin(
        name: &str,
        command: &[&str],
        workflow: &Path,
        state: &Path,
        arguments: &[String],
        failpoints: &str,
    ) -> Result<Self, Error> {
        let beside = |extension: &str| state.with_file_name(format!("{name}.{extension}"));
        let (log, summary, chunks) = (beside("log"), beside("json"), beside("chunks"));
        for old in [&log, &summary, &chunks] {
            match fs::remove_file(old) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::file(old)(error));
                }
                _ => {}
            }
        }
        let child = Command::new(std::env::current_exe()?)
            .arg("node-under-test")
            .args(command)
            .arg(workflow)
            .arg("--state-dir")
            .arg(state)
            .args(arguments)
            .args(["--log", "warn", "-o", "json"])
            .env("FAILPOINTS", failpoints)
            .env("RUST_BACKTRACE", "0")
            .env(CHUNKS_FILE, &chunks)
            .stdin(Stdio::null())
            .stdout(File::create(&summary).map_err(Error::file(&summary))?)
            .stderr(File::create(&log).map_err(Error::file(&log))?)
            .spawn()?;
        Ok(Self { child, log, summary, chunks })
    }

    /// Sends a signal; nothing happens when the process has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        // Not waited for yet, so the id cannot have been given to another process.
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> Result<bool, Error> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Whether it is stopped by a signal.
    pub fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The command's name stands in brackets before the state and may contain anything.
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
    }

    /// Whether it has this file open.
    pub fn has_open(&self, path: &Path) -> bool {
        let descriptors =
            fs::read_dir(format!("/proc/{}/fd", self.child.id())).into_iter().flatten().flatten();
        descriptors.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|open| open == path)
    }

    /// Lets a moment pass before a condition is looked at again.
    pub fn glance() {
        std::thread::sleep(GLANCE);
    }

    /// Waits until the condition holds; an error when the process ends or time is up before.
    pub fn until(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&Self) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let began = Instant::now();
        while !holds(self)? {
            if self.has_ended()? {
                return Err(Error::Unexpected(format!("the node ended before {what}: {}", self.read_log())));
            }
            if began.elapsed() > PATIENCE {
                return Err(Error::Unexpected(format!("waited in vain for {what}: {}", self.read_log())));
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Kills it after a time unless it ends before.
    pub fn kill_after(&mut self, time: Duration) -> Result<(), Error> {
        let began = Instant::now();
        while began.elapsed() < time && !self.has_ended()? {
            std::thread::sleep(GLANCE);
        }
        if self.has_ended()? { Ok(()) } else { self.signal(Signal::KILL) }
    }

    fn read_log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<Ended, Error> {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if began.elapsed() > PATIENCE => {
                    let log = self.read_log();
                    return Err(Error::Unexpected(format!("the node hangs after {PATIENCE:?}: {log}")));
                }
                None => std::thread::sleep(GLANCE),
            }
        };
        let text = fs::read_to_string(&self.summary).map_err(Error::file(&self.summary))?;
        let summary = if text.is_empty() { None } else { serde_json::from_str(&text).ok() };
        let chunks = fs::read_to_string(&self.chunks).ok().and_then(|text| text.parse().ok());
        Ok(Ended { status, output: text, summary, log: self.read_log(), chunks })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a node knows of its runs, as `checkpoint show` tells it.
pub fn checkpoints(state: &Path) -> Result<Value, Error> {
    let shown = Command::new(std::env::current_exe()?)
        .args(["node-under-test", "-o", "json", "checkpoint", "show", "--state-dir"])
        .arg(state)
        .env_remove("FAILPOINTS")
        .output()?;
    let text = String::from_utf8_lossy(&shown.stdout);
    serde_json::from_str(&text).map_err(Error::json(format!("checkpoint show: {text}")))
}

impl Ended {
    /// Whether it was killed.
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(Signal::KILL.as_raw())
    }

    /// A field of the summary, by JSON pointer.
    pub fn field(&self, pointer: &str) -> Option<&Value> {
        self.summary.as_ref()?.pointer(pointer)
    }

    /// Whether the run is complete.
    pub fn is_completed(&self) -> bool {
        self.field("/outcome").and_then(Value::as_str) == Some("completed")
    }

    /// The codes of its failures.
    pub fn failure_codes(&self) -> Vec<&str> {
        let failures = self.field("/failures").and_then(Value::as_array);
        failures.into_iter().flatten().filter_map(|failure| failure.get("code")?.as_str()).collect()
    }

    /// Whether its log or its summary has this text.
    pub fn says(&self, text: &str) -> bool {
        self.log.contains(text)
            || self.summary.as_ref().is_some_and(|summary| summary.to_string().contains(text))
    }

    /// How it ended, for messages.
    pub fn describe(&self) -> String {
        let summary = self.summary.as_ref().map(Value::to_string).unwrap_or_default();
        format!("{}; {summary}; log {}", self.status, self.log)
    }
}

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long a condition may take to come true; only a broken program takes that long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A directory of its own in which the program runs.
pub struct Site {
    directory: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// How the program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let found = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(found, "`{text}` is missing in\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The counters of the only route, after checking that they add up.
    #[track_caller]
    pub fn counters(&self) -> Counters {
        let document = self.json();
        let routes = document["routes"].as_array().unwrap();
        assert_eq!(routes.len(), 1, "{document}");
        let count = |name: &str| routes[0]["counters"][name].as_u64().unwrap();
        let counters = Counters {
            read: count("read"),
            delivered: count("delivered"),
            filtered: count("filtered"),
            dead_lettered: count("dead_lettered"),
            failed: count("failed"),
        };
        let Counters { read, delivered, filtered, dead_lettered, failed } = counters;
        assert_eq!(read, delivered + filtered + dead_lettered + failed, "{document}");
        counters
    }
}

/// What the summary says of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    pub read: u64,
    pub delivered: u64,
    pub filtered: u64,
    pub dead_lettered: u64,
    pub failed: u64,
}

impl Site {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// Sets a variable for the programs that are started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The program with arguments, in the directory of the site.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_actix-etl"));
        command.current_dir(self.directory.path()).args(arguments).stdin(Stdio::null());
        for name in ["ACTIX_ETL_LOG", "ACTIX_ETL_MEMORY", "ACTIX_ETL_STATE_DIR", "ACTIX_ETL_SECRETS_DIR"] {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    /// Starts the program; its output is kept for [`Running::end`].
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        Running(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// One number from a database; `None` while there is no database or table, or it is locked.
    pub fn number(&self, database: &str, sql: &str) -> Option<i64> {
        if !self.path(database).exists() {
            return None;
        }
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = rusqlite::Connection::open_with_flags(self.path(database), flags).ok()?;
        connection.query_row(sql, [], |row| row.get(0)).ok()
    }

    /// Directories and files below the site whose path contains `part`.
    pub fn find(&self, part: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(self.directory.path(), &mut |path| {
            if path.to_string_lossy().contains(part) {
                found.push(path.to_path_buf());
            }
        });
        found.sort();
        found
    }
}

/// Calls `visit` with every file below a directory.
pub fn walk(directory: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => walk(&path, visit),
            false => visit(&path),
        }
    }
}

/// A running program; killed when it is dropped.
pub struct Running(Option<Child>);

impl Running {
    pub fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    pub fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.0.as_ref().unwrap()), signal).unwrap();
    }

    /// Waits for the end.
    pub fn end(mut self) -> Ended {
        Ended::of(self.0.take().unwrap().wait_with_output().unwrap())
    }

    /// Waits until the condition holds; fails when the program ends before.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut condition: impl FnMut() -> bool) {
        let started = Instant::now();
        while !condition() {
            if let Some(status) = self.child().try_wait().unwrap() {
                let ended = Ended::of(self.0.take().unwrap().wait_with_output().unwrap());
                panic!("ended ({status}) before {what}: {}", ended.stderr);
            }
            assert!(started.elapsed() < PATIENCE, "waited too long for: {what}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

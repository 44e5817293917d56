use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::error::Error;

/// A running `actix-etl node start`; killed when dropped, so that none is left behind.
pub struct NodeProcess {
    child: Child,
    log: PathBuf,
    /// Where in the log what this process says begins.
    begins: u64,
}

impl NodeProcess {
    /// Starts one in a namespace, if one is named, with these arguments after `node start` and these variables in its
    /// environment. What it says is added to the file `log`.
    pub fn start(
        namespace: Option<&str>,
        arguments: &[String],
        environment: &[(String, String)],
        log: &Path,
    ) -> Result<Self, Error> {
        let this = std::env::current_exe()?;
        let mut command = match namespace {
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(this);
                command
            }
            None => Command::new(this),
        };
        let out = File::options().create(true).append(true).open(log).map_err(Error::file(log))?;
        let begins = out.metadata().map_err(Error::file(log))?.len();
        let child = command
            .args(["node-under-test", "node", "start"])
            .args(arguments)
            .env("RUST_BACKTRACE", "1")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()?;
        Ok(Self { child, log: log.to_owned(), begins })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal; nothing happens when the process has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        // Not waited for yet, so the id cannot have been given to another process.
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        Ok(self.child.try_wait()?)
    }

    /// Kills it and waits for its end.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// All that it has said so far.
    pub fn said(&self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.log).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.begins))?;
            file.read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("{}: {error}", self.log.display()),
        }
    }

    /// The end of what it has said so far.
    pub fn says(&self) -> String {
        let text = self.said();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

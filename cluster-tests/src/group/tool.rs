use std::process::Stdio;
use std::time::Duration;

use super::error::Error;

/// No command of these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a command has told.
#[derive(Debug, Clone)]
pub struct Told {
    /// Absent when a signal has ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs `actix-etl` with these arguments, as an operator would, and waits for its end.
///
/// # Errors
/// [`Error::Unexpected`] when it does not end in time, [`Error::Process`]
pub async fn tool(arguments: &[&str]) -> Result<Told, Error> {
    let running = tokio::process::Command::new(std::env::current_exe()?)
        .arg("node-under-test")
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(PATIENCE, running).await {
        Ok(ended) => {
            let ended = ended?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Ok(Told { code: ended.status.code(), out: text(&ended.stdout), err: text(&ended.stderr) })
        }
        Err(_) => Err(Error::Unexpected(format!("`{}` does not end", arguments.join(" ")))),
    }
}

impl Told {
    /// The same, when it has succeeded.
    ///
    /// # Errors
    /// [`Error::Command`] with what it has told.
    pub fn succeeded(self, what: &str) -> Result<Self, Error> {
        if self.code == Some(0) {
            return Ok(self);
        }
        let problem = format!("exit code {:?}: {}{}", self.code, self.out, self.err);
        Err(Error::Command { command: what.to_owned(), problem })
    }
}

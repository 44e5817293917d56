use serde::{Deserialize, Serialize};

/// Whose fault an error is: decides who is told and which exit code a command ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The workflow, its data or the command line: the user can mend it.
    User,
    /// A system this one talks to: it may come back.
    External,
    /// This program: a defect.
    Internal,
}

/// Whether the same attempt may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// It will fail again.
    Never,
    /// It may succeed after a pause.
    Backoff,
}

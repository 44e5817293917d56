use serde::Serialize;
use uuid::Uuid;

/// How grave an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Of use to authors.
    Trace,
    /// Of use when something is looked for.
    Debug,
    /// What happens.
    Info,
    /// What is probably not as it should be.
    Warn,
    /// What cannot be done.
    Error,
}

impl LogLevel {
    /// Every level, from the least grave.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Something that a node has logged about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// The node.
    pub node: u64,
    /// Names the process of the node.
    pub incarnation: u64,
    /// Counts the events of the run in that process, from 1.
    pub number: u64,
    /// Microseconds since 1970, by the clock of the node.
    pub at_us: u64,
    /// How grave it is.
    pub level: LogLevel,
    /// The part of the program that tells.
    pub target: String,
    /// What has happened.
    pub message: String,
    /// What belongs to it, by name.
    pub fields: Vec<(String, String)>,
}

/// A node of whose events nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilentNode {
    /// The node.
    pub node: u64,
    /// Why.
    pub reason: String,
}

/// What is told of the log of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLogTold {
    /// The run.
    pub run: Uuid,
    /// By time, as far as they came together.
    pub events: Vec<LogEvent>,
    /// Nodes that do not tell what they have logged.
    pub silent: Vec<SilentNode>,
}

use serde::{Deserialize, Serialize};

/// What a step does with a record it cannot process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The run fails, naming the record; nothing after the last commit is written.
    #[default]
    Fail,
    /// The record goes to the dead letters, the run goes on.
    DeadLetter,
    /// The record is left out and counted as failed.
    Skip,
    /// The partition is tried again, as the retry policy says; then the run fails.
    Retry,
}

/// What a new run reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Everything.
    #[default]
    Full,
    /// Only what lies behind the last completed position of each partition.
    Incremental,
}

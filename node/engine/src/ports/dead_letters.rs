use etl_model::{RecordError, Route, RunId, StepName};
use serde::{Deserialize, Serialize};

use super::PortError;

/// A record that a step could not process, with what is needed to mend and replay it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The step that failed.
    pub step: StepName,
    /// The record and the error.
    #[serde(flatten)]
    pub error: RecordError,
}

/// Where dead letters are kept: numbered like the unit they belong to, so that writing them again is harmless.
///
/// The letters of unit `seq` count from the moment the destination's marker reaches `seq`; letters of a unit that
/// was never committed are replaced by the next attempt or removed by `truncate`.
pub trait DeadLetters: Send + Sync {
    /// Durably stores the letters of a unit, in place of what an earlier attempt stored under the same number.
    fn put(&self, run: RunId, route: &Route, seq: u64, letters: &[DeadLetter]) -> Result<(), PortError>;

    /// Removes the letters of all units after `seq`.
    fn truncate(&self, run: RunId, route: &Route, seq: u64) -> Result<(), PortError>;
}

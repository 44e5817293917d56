use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use etl_model::RunId;

/// Stands in for the id of a run.
const NO_RUN: &str = "00000000-0000-0000-0000-000000000000";

/// What a run gives to its workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Values of parameters, by name, as they were written.
    pub parameters: BTreeMap<String, String>,
    /// Whether every parameter without a default must have a value. Without it a file can be checked, and an example
    /// stands in for what is not given.
    pub is_complete: bool,
    /// The run; `None` while it is only looked at, when the nil id and the beginning of 1970 stand in for it.
    pub run: Option<RunFacts>,
}

/// Which run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunFacts {
    /// `${run:id}`
    pub id: RunId,
    /// `${run:tick}`, in milliseconds since 1970: the time of the tick that has started it, or when it was asked for.
    pub tick_ms: u64,
}

/// A fact that a workflow can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// `${run:id}`
    Id,
    /// `${run:tick}`
    Tick,
}

impl Inputs {
    /// Of a run that is to begin: every parameter needs a value.
    pub fn of_run(parameters: BTreeMap<String, String>) -> Self {
        Self { parameters, is_complete: true, run: None }
    }

    pub(crate) fn fact(&self, fact: Fact) -> String {
        match fact {
            Fact::Id => self.run.map_or_else(|| NO_RUN.to_owned(), |run| run.id.to_string()),
            Fact::Tick => {
                let ms = self.run.map_or(0, |run| run.tick_ms);
                let moment = i64::try_from(ms).ok().and_then(DateTime::from_timestamp_millis);
                moment.unwrap_or(DateTime::UNIX_EPOCH).to_rfc3339_opts(SecondsFormat::AutoSi, true)
            }
        }
    }
}

//! When a workflow starts by itself: [`Cron`] expressions, and their [`Ticks`] in a time zone. No clock.

mod cron;
mod ticks;

use serde::{Serialize, Serializer};

pub use cron::{Cron, CronError};
pub use ticks::{Ticks, TicksError};

/// When a workflow starts by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// `schedule` and `timezone`.
    #[serde(flatten)]
    pub ticks: Ticks,
    /// What a tick does while a run is not finished.
    pub overlap: Overlap,
    /// What becomes of ticks that nobody was there for.
    pub catch_up: CatchUp,
}

/// What a tick does while a run of the workflow is not finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Nothing.
    #[default]
    Skip,
    /// Its run begins after that one; one run at most waits.
    Queue,
    /// Its run takes the place of that one.
    Replace,
}

/// What becomes of ticks that nobody was there for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// They are left out.
    None,
    /// One run for all of them.
    #[default]
    Last,
    /// A run for each, one after the other.
    All,
}

fn as_text<T: ToString, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

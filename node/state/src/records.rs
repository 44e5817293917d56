use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use etl_model::RunId;
use serde::{Deserialize, Serialize};

/// Runs remembered per workflow, so that a destination left alone for long still knows whom a new run replaces.
pub(crate) const REMEMBERED_RUNS: usize = 200;

/// How a past run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Completed,
    Abandoned,
}

/// A run that is not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActiveRun {
    pub run: RunId,
    /// The workflow's meaning when it began, or when a change was last accepted.
    pub meaning: String,
    /// Seconds since 1970.
    pub started: u64,
    /// Whether the partitions begin at the positions of the last completed run.
    pub incremental: bool,
    /// The values of the workflow's parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// A run that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PastRun {
    pub run: RunId,
    pub end: End,
    pub ended: u64,
}

/// What is known of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkflowRecord {
    pub active: Option<ActiveRun>,
    /// Newest last.
    pub past: Vec<PastRun>,
}

impl WorkflowRecord {
    /// Moves the active run to the past.
    pub fn retire(&mut self, end: End) {
        if let Some(active) = self.active.take() {
            self.past.push(PastRun { run: active.run, end, ended: now() });
            let surplus = self.past.len().saturating_sub(REMEMBERED_RUNS);
            self.past.drain(..surplus);
        }
    }
}

/// Seconds since 1970, for people to read; nothing depends on it.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

use std::collections::BTreeMap;
use std::fmt;

use etl_model::Counters;
use serde::Serialize;
use uuid::Uuid;

/// Which run is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunTarget {
    /// The unfinished run of this workflow; where something is only read and there is none, the last one.
    Workflow(String),
    /// The run with this id.
    Run(Uuid),
}

impl From<&str> for RunTarget {
    /// A UUID with hyphens is a run, everything else a workflow.
    fn from(text: &str) -> Self {
        match Uuid::parse_str(text) {
            Ok(run) if text.len() == uuid::fmt::Hyphenated::LENGTH => Self::Run(run),
            _ => Self::Workflow(text.to_owned()),
        }
    }
}

impl fmt::Display for RunTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(name) => f.write_str(name),
            Self::Run(run) => run.fmt(f),
        }
    }
}

/// What is asked for when a workflow is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// What the workflow's version must be; `None` for "whatever it is".
    pub expected_version: Option<u64>,
    /// Abandon the unfinished run, if there is one, and start a new one in its place.
    pub restart: bool,
    /// Continue a halted run although the workflow means something else since.
    pub accept_changes: bool,
    /// Values of the workflow's parameters, by name; of a run that goes on they must be those it has.
    pub parameters: BTreeMap<String, String>,
}

/// A run that goes on from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StartedRun {
    /// Its id.
    pub run: Uuid,
    /// Of the workflow that runs.
    pub version: u64,
    /// Whether a halted run goes on, rather than a new one.
    pub continued: bool,
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// It waits until the run before it has finished.
    Queued,
    /// It runs.
    Running,
    /// Somebody has halted it; it can be resumed.
    Paused,
    /// It cannot go on by itself; unless it has finished, it can be resumed.
    Failed,
    /// Everything is read and delivered.
    Completed,
    /// Somebody has ended it.
    Cancelled,
    /// Another run took its place.
    Replaced,
}

/// A run without its totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub run: Uuid,
    /// The workflow.
    pub workflow: String,
    /// Of the workflow.
    pub version: u64,
    /// Where it is in its life.
    pub phase: RunPhase,
    /// Why it has failed.
    pub message: Option<String>,
    /// The run that took its place.
    pub replaced_by: Option<Uuid>,
    /// The schedule whose tick it is; `None` when somebody asked for it.
    pub schedule: Option<String>,
    /// The only node on which its partitions can be worked on; `None` when all can.
    pub pinned: Option<u64>,
    /// The transformations and destinations that one node carries out for all, by name.
    pub hosts: BTreeMap<String, u64>,
    /// The values of the workflow's parameters that it was started with; those that are not there have their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Milliseconds since 1970, by the leader's clock.
    pub created_at_ms: u64,
    /// Milliseconds since 1970, by the leader's clock; `None` while it has not finished.
    pub finished_at_ms: Option<u64>,
    /// The partitions that are known.
    pub partitions: PartitionCounts,
}

/// The partitions of a run that are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PartitionCounts {
    /// All of them.
    pub total: u64,
    /// Those that are not read to their end.
    pub open: u64,
    /// Open ones that a node has.
    pub assigned: u64,
    /// Whether there will be no more.
    pub complete: bool,
}

/// A source's way to a destination, over all partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteTotals {
    /// The source step.
    pub source: String,
    /// The destination step.
    pub destination: String,
    /// As the checkpoints tell; what was committed since then is missing.
    pub counters: Counters,
}

/// How a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunView {
    /// What it is and where in its life.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// The node that looks after it; `None` when none does.
    pub coordinator: Option<u64>,
    /// The nodes that carry out shards of destinations behind a repartition, by the names of the shards, as in `orders.3of8`.
    pub shards: BTreeMap<String, u64>,
    /// By source and destination; only those that have a checkpoint.
    pub routes: Vec<RouteTotals>,
    /// Checkpoints whose contents the node that answers cannot read; they are missing in the totals.
    pub unreadable_checkpoints: u64,
    /// Records that were set aside, by the node on which they lie; nodes that did not answer in time are missing.
    pub dead_letters: BTreeMap<u64, u64>,
}

impl RunPhase {
    /// Every phase.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Failed,
        Self::Completed,
        Self::Cancelled,
        Self::Replaced,
    ];

    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Replaced => "replaced",
        }
    }

    /// Whether nothing more happens unless somebody asks for it, and nobody is expected to: it has finished or failed.
    pub fn is_over(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Paused => false,
            Self::Failed | Self::Completed | Self::Cancelled | Self::Replaced => true,
        }
    }
}

impl RunView {
    /// Whether records of it were set aside.
    pub fn has_dead_letters(&self) -> bool {
        self.routes.iter().any(|route| route.counters.dead_lettered > 0)
    }

    /// Records and bytes that the sources have yielded, once for every partition: of several routes of a source the one
    /// that has read most.
    pub fn read(&self) -> (u64, u64) {
        let mut sum = (0_u64, 0_u64);
        let mut routes = self.routes.iter().peekable();
        while let Some(route) = routes.next() {
            let mut most = (route.counters.read, route.counters.bytes_read);
            while let Some(other) = routes.next_if(|other| other.source == route.source) {
                most = (most.0.max(other.counters.read), most.1.max(other.counters.bytes_read));
            }
            sum = (sum.0.saturating_add(most.0), sum.1.saturating_add(most.1));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_from_a_workflow_by_its_form() {
        let run = Uuid::now_v7();
        assert_eq!(RunTarget::from(run.to_string().as_str()), RunTarget::Run(run));
        for name in ["orders", "a-b", &run.simple().to_string(), "", "0192-1"] {
            assert_eq!(RunTarget::from(name), RunTarget::Workflow(name.to_owned()));
        }
        for target in [RunTarget::Run(run), RunTarget::Workflow("orders".to_owned())] {
            assert_eq!(RunTarget::from(target.to_string().as_str()), target);
        }
    }
}

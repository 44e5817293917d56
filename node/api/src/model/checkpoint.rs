use etl_model::Counters;
use serde::Serialize;
use uuid::Uuid;

use super::RunPhase;

/// How far the routes of a run have come, as the cluster knows it; the destinations may be ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunCheckpoints {
    /// The run.
    pub run: Uuid,
    /// Its workflow.
    pub workflow: String,
    /// Where it is in its life.
    pub phase: RunPhase,
    /// The completed run of the workflow after which an incremental one that begins now goes on; `None` when it begins anew.
    pub goes_on_after: Option<Uuid>,
    /// By source, partition and destination; only those that have a checkpoint.
    pub checkpoints: Vec<CheckpointView>,
    /// Checkpoints whose contents the node that answers cannot read; they are missing.
    pub unreadable_checkpoints: u64,
}

/// How far one partition has come towards one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckpointView {
    /// The source step.
    pub source: String,
    /// As the source names it.
    pub partition: String,
    /// The destination step.
    pub destination: String,
    /// Under which it was stored.
    pub epoch: u64,
    /// The last unit committed.
    pub unit: u64,
    /// The ordinal of the record that is next.
    pub position: u64,
    /// Totals of the run up to there.
    pub counters: Counters,
    /// Whether the partition's end is committed there.
    pub done: bool,
    /// When it was stored: milliseconds since 1970, by the leader's clock.
    pub at_ms: u64,
}

/// What became of a wish that the next run of a workflow begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reset {
    /// The workflow.
    pub workflow: String,
    /// Whether there was anything to forget.
    pub reset: bool,
    /// The halted run that was given up.
    pub ended_run: Option<Uuid>,
}

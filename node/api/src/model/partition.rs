use etl_model::Counters;
use serde::Serialize;
use uuid::Uuid;

/// The partitions of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunPartitions {
    /// The run's id.
    pub run: Uuid,
    /// Its workflow.
    pub workflow: String,
    /// By index.
    pub partitions: Vec<PartitionView>,
}

/// One partition of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionView {
    /// The source step.
    pub source: String,
    /// As the source names it.
    pub partition: String,
    /// From 0, in the order in which they were found.
    pub index: u64,
    /// Whether it was read to its end and everything is delivered.
    pub done: bool,
    /// Who has it; `None` when it is assigned to nobody.
    pub assignment: Option<AssignmentView>,
    /// How far the least advanced of its routes has come; `None` before the first checkpoint.
    pub progress: Option<PartitionProgress>,
    /// Its size in bytes, when the source has told it.
    pub bytes: Option<u64>,
    /// Its size in records, when the source has told it.
    pub records: Option<u64>,
    /// What it waits for although it could go on, such as a circuit breaker.
    pub waits_for: Option<String>,
}

/// Who has a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AssignmentView {
    /// The node.
    pub owner: u64,
    /// The ownership number.
    pub epoch: u64,
    /// How far a hand-over is.
    pub state: AssignmentState,
    /// Whether the owner has taken it up.
    pub claimed: bool,
    /// When it came into this state: milliseconds since 1970, by the leader's clock.
    pub since_ms: u64,
}

/// How far a hand-over is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentState {
    /// The owner works on it, or is about to.
    Assigned,
    /// The owner finishes what it has under way, then lets go.
    Draining,
    /// Nobody works on it.
    Released,
}

/// How far a route of a partition has come, as its checkpoint tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionProgress {
    /// The destination step of the route.
    pub destination: String,
    /// The last unit committed.
    pub unit: u64,
    /// The ordinal of the record that is next.
    pub position: u64,
    /// Totals of the run up to there.
    pub counters: Counters,
    /// Whether the partition's end is committed there.
    pub done: bool,
    /// When it was checkpointed: milliseconds since 1970, by the leader's clock.
    pub at_ms: u64,
}

impl AssignmentState {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Draining => "draining",
            Self::Released => "released",
        }
    }
}

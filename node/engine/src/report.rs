use std::time::Duration;

use etl_model::{Counters, PartitionId, StepName};

use crate::EngineError;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was read and every destination is complete.
    Completed,
    /// It was asked to stop; the next run continues.
    Stopped,
    /// A partition or a completion failed; the next run continues where it stands.
    Failed,
}

/// What a destination received, over all partitions and all processes of the run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RouteReport {
    /// The source.
    pub source: StepName,
    /// The destination.
    pub destination: StepName,
    /// Committed totals.
    pub counters: Counters,
}

/// A partition that failed.
#[derive(Debug, Clone)]
pub struct PartitionFailure {
    /// The source; `None` when a destination failed to complete.
    pub source: Option<StepName>,
    /// The partition.
    pub partition: Option<PartitionId>,
    /// Why.
    pub error: EngineError,
}

/// A run that has ended.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// How.
    pub outcome: Outcome,
    /// Per source and destination.
    pub routes: Vec<RouteReport>,
    /// Every failure.
    pub failures: Vec<PartitionFailure>,
    /// Partitions whose end is committed everywhere, of all.
    pub partitions: (usize, usize),
    /// Chains reopened after errors that went away.
    pub retries: u32,
    /// Wall time of this process.
    pub elapsed: Duration,
}

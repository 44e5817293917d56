//! What is asked and answered, free of the wire. Serialised, these are the documents that `-o json` prints.

mod checkpoint;
mod cluster;
mod consistency;
mod finding;
mod insight;
mod node;
mod partition;
mod problem;
mod run;
mod run_log;
mod tap;
mod workflow;

pub use checkpoint::{CheckpointView, Reset, RunCheckpoints};
pub use cluster::ClusterStatus;
pub use consistency::Consistency;
pub use finding::{Finding, Severity};
pub use insight::{
    HealthCheck, HealthReport, HealthStatus, LogChange, LogFilter, NodeLog, RunTrace, SpanEventView, SpanView,
};
pub use node::{NodeState, NodeStatus, Role};
pub use partition::{AssignmentState, AssignmentView, PartitionProgress, PartitionView, RunPartitions};
pub use problem::Problem;
pub use run::{
    PartitionCounts, RouteTotals, RunOptions, RunPhase, RunSummary, RunTarget, RunView, StartedRun,
};
pub use run_log::{LogEvent, LogLevel, RunLogTold, SilentNode};
pub use tap::{TapOptions, TapSampling, TapTold, TappedRecord};
pub use workflow::{Applied, Linted, Outcome, WorkflowDocument, WorkflowSummary};

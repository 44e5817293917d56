//! The parts of the state, each with its tables and its read methods. Only commands change them.

mod assignments;
mod audit;
mod checkpoints;
mod epochs;
mod meta;
mod nodes;
mod partitions;
mod runs;
mod schedules;
mod secrets;
mod sessions;
mod users;
mod workflows;

pub use assignments::{Assignment, AssignmentState, Assignments};
pub use audit::{Audit, AuditEvent};
pub use checkpoints::{Checkpoint, Checkpoints};
pub use epochs::Epochs;
pub use meta::Meta;
pub use nodes::{Node, NodeState, Nodes};
pub use partitions::{Partition, Partitions};
pub use runs::{Halt, Run, RunOutcome, RunPhase, Runs};
pub use schedules::{CatchUp, Overlap, Schedule, Schedules};
pub use secrets::{Secret, Secrets};
pub(crate) use sessions::Seen;
pub use sessions::Sessions;
pub use users::{User, Users};
pub use workflows::{Workflow, WorkflowVersion, Workflows};

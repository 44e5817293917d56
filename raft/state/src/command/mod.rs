//! What can be asked of the cluster: one struct per command, grouped by the part of the state it changes. Each is
//! guarded by an expected version, state or epoch, so that a retry is harmless.

mod apply;
mod assignments;
mod audit;
mod checkpoints;
mod cluster;
mod forgetting;
mod kinds;
mod nodes;
mod partitions;
mod runs;
mod schedules;
mod secrets;
mod shards;
mod users;
mod workflows;

pub use assignments::{Assign, BeginDrain, Claim, FinalCheckpoint, Release};
pub use audit::RecordAudit;
pub use checkpoints::{AdvanceCheckpoints, CheckpointItem, Progress};
pub use cluster::{AdoptCluster, RaiseFeatureLevel};
pub use forgetting::ForgetProgress;
pub use kinds::Command;
pub use nodes::{RegisterNode, SetNodeState, UpdateNode};
pub use partitions::{AddPartitions, Holder, NewPartition, PartitionClaim};
pub use runs::{FinishRun, HaltRun, ResumeRun, StartRun};
pub use schedules::{DeleteSchedule, FireSchedule, PutSchedule, SkipTicks};
pub use secrets::{DeleteSecret, PutSecret};
pub use shards::{HostShards, ShardMove};
pub use users::{DeleteUser, PutUser};
pub use workflows::{DeleteWorkflow, PutWorkflow, WorkflowSchedule};

use etl_model::{Marker, PartitionId, Route, StepName};

use super::PortError;

/// The state of one run as its chains need it: epochs and checkpoints. Calls block; the engine makes them on blocking
/// threads.
pub trait RunState: Send + Sync {
    /// Makes an ownership number of the partition this process's own, higher than every one that was used before, and
    /// returns it, durable. Numbers never repeat for a workflow, over all its runs.
    fn raise_epoch(&self, source: &StepName, partition: &PartitionId) -> Result<u64, PortError>;

    /// The last checkpoint of a route in this run. The destination's marker is the truth; it may be ahead of the
    /// checkpoint and must never be behind it.
    fn checkpoint(&self, route: &Route) -> Result<Option<Marker>, PortError>;

    /// Stores checkpoints, durable when it returns. One result each, in their order: a chain whose checkpoint is refused
    /// does not hold up the others.
    fn store_checkpoints(&self, checkpoints: &[(Route, Marker)]) -> Vec<Result<(), PortError>>;
}

/// The stable numbers of a run's partitions, kept by whoever runs all of it in one process.
pub trait PartitionNumbers: Send + Sync {
    /// The partitions that were numbered in this run, in the order of their numbers; empty in a new run.
    fn partitions(&self) -> Result<Vec<(StepName, PartitionId)>, PortError>;

    /// The stable numbers of these partitions within the run: known ones keep theirs, new ones follow. Durable.
    fn number_partitions(&self, partitions: &[(StepName, PartitionId)]) -> Result<Vec<usize>, PortError>;
}

use etl_model::{Marker, PartitionId, Route, StepName};

use super::PortError;

/// The state of one run: epochs, the numbering of partitions, checkpoints. Calls block; the engine makes them on
/// blocking threads.
pub trait RunState: Send + Sync {
    /// Raises the ownership number of a partition by one and returns it, durable. Numbers never repeat for a
    /// workflow, over all its runs.
    fn raise_epoch(&self, source: &StepName, partition: &PartitionId) -> Result<u64, PortError>;

    /// The partitions that were numbered in this run, in the order of their numbers; empty in a new run.
    fn partitions(&self) -> Result<Vec<(StepName, PartitionId)>, PortError>;

    /// The stable numbers of these partitions within the run: known ones keep theirs, new ones follow. Durable.
    fn number_partitions(&self, partitions: &[(StepName, PartitionId)]) -> Result<Vec<usize>, PortError>;

    /// The last checkpoint of a route in this run. The destination's marker is the truth; it may be ahead of the
    /// checkpoint and must never be behind it.
    fn checkpoint(&self, route: &Route) -> Result<Option<Marker>, PortError>;

    /// Stores checkpoints, durable when it returns.
    fn store_checkpoints(&self, checkpoints: &[(Route, Marker)]) -> Result<(), PortError>;
}

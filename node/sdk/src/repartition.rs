use std::num::NonZeroU16;

use etl_model::{Batch, RecordError};

use crate::ConnectorError;

/// How a transformation divides records among shards, so that those with equal keys meet: everything behind it is
/// carried out by shard. Shared by all threads.
pub trait Repartition: Send + Sync {
    /// The fields of the key, as the workflow names them.
    fn by(&self) -> &[String];

    /// How many shards there are, at most [`etl_model::Shard::MOST`].
    fn shards(&self) -> NonZeroU16;

    /// Divides one batch. A row's shard depends on the row alone; rows keep their ordinals and their order. Every input
    /// row ends in one shard or among the errors.
    fn divide(&self, batch: Batch) -> Result<Divided, ConnectorError>;
}

/// What became of a batch.
#[derive(Debug)]
pub struct Divided {
    /// The rows of each shard, in the order of their numbers; empty batches for those that have none.
    pub shards: Vec<Batch>,
    /// Rows whose key cannot be computed.
    pub errors: Vec<RecordError>,
}

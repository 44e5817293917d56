use actix::prelude::*;
use etl_sdk::Chunk;
use tokio::sync::OwnedSemaphorePermit;

use crate::budget::BytePermit;
use crate::chain::Part;
use crate::watch::Origin;

/// Source to processor: a raw chunk, the bytes it may occupy and the processor slot it takes.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ProcessChunk {
    pub seq: u64,
    pub chunk: Box<dyn Chunk>,
    pub origin: Origin,
    pub permit: BytePermit,
    pub slot: OwnedSemaphorePermit,
}

/// Processor (or, at the end, source) to destination: item `seq` of the chain, in any order.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Processed {
    pub seq: u64,
    pub arrival: Arrival,
}

/// What arrives at a destination.
pub(crate) enum Arrival {
    /// A chunk's part for this destination. The permit is given back when the rows are committed or written away.
    Part { part: Part, permit: std::sync::Arc<BytePermit>, origin: Origin },
    /// The chunk cannot be processed. It comes in its turn, so that the failure told is the first one of the partition,
    /// whichever processor was the fastest.
    Failed { error: crate::EngineError },
    /// The chain is to end, and neither this chunk nor one behind it may be committed.
    Cut,
    /// Nothing follows: the partition has ended at the position, or (`None`) the chain is being drained.
    End { done: Option<etl_model::Position> },
}

use std::sync::Weak;
use std::time::Duration;

use etl_model::{Counters, StepName};

use crate::EngineError;

/// What a step has done with one chunk, batch or unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// What.
    pub operation: Operation,
    /// How long it took, waiting for permits and limits not included.
    pub took: Duration,
    /// Records it was about.
    pub records: u64,
    /// Bytes it was about, as the step counts them; 0 where it does not.
    pub bytes: u64,
}

/// What steps do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// A source reads a chunk.
    Read,
    /// The chunk becomes columns.
    Decode,
    /// A transformation works on a batch.
    Transform,
    /// A batch becomes what its destination takes.
    Encode,
    /// A destination takes rows.
    Write,
    /// A destination makes a unit durable, staging and dead letters included.
    Commit,
}

/// What chains wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wait {
    /// Memory: permits of the chain's byte budget, or a processor that is free.
    Room,
    /// A rate limit or an open circuit breaker.
    Limit,
    /// A thread that computes.
    Thread,
    /// The turn to have a unit open at a destination.
    Turn,
}

/// A unit that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// What became of its records.
    pub counters: Counters,
    /// Since the first of its batches was read; `None` for a unit without any.
    pub latency: Option<Duration>,
}

/// How an open chain is at the moment.
pub trait ChainSight: Send + Sync {
    /// Bytes of permits that are taken, and all.
    fn permits(&self) -> (u64, u64);

    /// Since the oldest batch was read that is not committed everywhere.
    fn oldest(&self) -> Option<Duration>;
}

/// Watches a run, for whoever counts. Called for chunks, batches and units, never for records, from any thread; it must
/// neither wait nor fail.
pub trait Observer: Send + Sync {
    /// A step has done something.
    fn worked(&self, _step: &StepName, _work: Work) {}

    /// A chain has waited before it could call a step.
    fn waited(&self, _step: &StepName, _what: Wait, _time: Duration) {}

    /// A unit is durable at a destination.
    fn committed(&self, _destination: &StepName, _unit: Committed) {}

    /// A unit that is durable has records that this step has set aside.
    fn set_aside(&self, _step: &StepName, _records: u64) {}

    /// Checkpoints of so many routes of a source's partitions are durable.
    fn checkpointed(&self, _source: &StepName, _routes: usize) {}

    /// A chain is open; its partition is worked on for as long as this lives.
    fn opened(&self, _source: &StepName, _chain: Weak<dyn ChainSight>) {}

    /// A chain has failed and is opened again after a pause.
    fn retrying(&self, _source: &StepName, _error: &EngineError) {}

    /// A chain has failed for good.
    fn failed(&self, _source: &StepName, _error: &EngineError) {}
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Decode, Self::Transform, Self::Encode, Self::Write, Self::Commit];

    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decode => "decode",
            Self::Transform => "transform",
            Self::Encode => "encode",
            Self::Write => "write",
            Self::Commit => "commit",
        }
    }
}

impl Wait {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Limit => "limit",
            Self::Thread => "thread",
            Self::Turn => "turn",
        }
    }
}

//! Actix actors that run a pipeline exactly once.
//!
//! ```text
//! SupervisorActor ── opens, watches, kills and reopens ──┐
//! WorkflowActor ── all partitions, totals, completion    │
//! CrewActor ── a node's share, as it comes and goes      │
//!                                                        v
//!   per partition, one chain:  SourceActor ─> ProcessorActor x n ─> DestinationActor per destination
//! ```
//! A source actor only cuts raw chunks; processor actors decode, transform and encode them on all cores; a destination
//! actor restores their order, writes, and commits units with their marker. The order of a chain's start never varies:
//! raise the epoch, fence every destination, read the markers, only then seek the source (see [`chain`]).
//!
//! A source or destination may have a rate limit and a circuit breaker that hold over all nodes (see [`limits`]): its chains
//! await them at every call.
//!
//! **Invariants:** this is the only crate that knows actix. It knows no connector, no wire protocol and no storage
//! engine: state goes through [`ports`]. Memory is bounded by byte permits, never by mailboxes.

mod actors;
mod budget;
mod chain;
mod concealment;
mod coordination;
mod crew;
mod error;
mod error_records;
mod guard;
mod limits;
mod messages;
mod options;
mod pipeline;
mod ports;
mod progress;
mod report;
mod run;
mod sequencer;
mod system;
mod taps;
mod veil;
mod watch;

pub use chain::{ShardOf, ShardSteps};
pub use concealment::concealed;
pub use coordination::{FoundPartition, complete, discover, rediscover, rediscovery};
pub use crew::{Crew, CrewEvent, CrewSetup, PartitionEnd, PartitionOrder};
pub use error::EngineError;
pub use error_records::{ERROR_COLUMN, ErrorRecords, error_records};
pub use limits::{
    BudgetAnswer, BudgetRequest, CircuitAnswer, CircuitRequest, Conclusion, Desk, Grantor, Grants,
    LeaseAnswer, LeaseRequest, LocalGrants, Probe, StepGate, StepLimits, TERM, WaitingPartition,
};
pub use options::EngineOptions;
pub use pipeline::{DestinationStep, Pipeline, ProcessorStep, SourceStep};
pub use ports::{
    ChainSight, Committed, DeadLetter, DeadLetters, NoObserver, Observer, Operation, PartitionNumbers,
    PortError, RunState, Wait, Work, column_types,
};
pub use progress::{PartitionProgress, Progress, ProgressSnapshot};
pub use report::{Outcome, PartitionFailure, RouteReport, RunReport};
pub use run::{RunRequest, StopMode, run};
pub use system::ActorSystem;
pub use taps::{Allowance, Sampling, ShowRecord, Tap, TapOrder, TappedRecord, Taps};
pub use veil::Veil;

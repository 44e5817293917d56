//! Ids, positions, batches, errors and units: the words every other crate speaks.
//!
//! **Invariant:** this crate knows no connector, no actor and no storage; it depends on Arrow and serde alone.

mod batch;
mod counters;
mod fault;
mod ids;
mod json_column;
mod limits;
mod marker;
mod policy;
mod position;
mod record_error;
mod shard;
mod trace;
mod units;

pub use batch::{Batch, BatchError};
pub use counters::Counters;
pub use fault::{Fault, Retry};
pub use ids::{InvalidName, InvalidRouteEnd, PartitionId, Route, RouteEnd, RunId, StepName, WorkflowName};
pub use json_column::{is_json, json_field};
pub use limits::{CircuitBreaker, RateAmount, RateLimit};
pub use marker::{Claim, Fence, Marker, Unit};
pub use policy::{OnError, SyncMode};
pub use position::Position;
pub use record_error::{RecordError, SourceLocation};
pub use shard::{InvalidShard, Shard};
pub use trace::{
    AttributeValue, InvalidTraceparent, NoTracer, SpanEvent, SpanKind, TraceContext, TraceSpan, Tracer,
};
pub use units::{ByteSize, Span, UnitError};

//! What is told of how work goes: contexts that tie it together over processes, spans, and who takes them.

mod context;
mod span;
mod tracer;

pub use context::{InvalidTraceparent, TraceContext};
pub use span::{AttributeValue, SpanEvent, SpanKind, TraceSpan};
pub use tracer::{NoTracer, Tracer};

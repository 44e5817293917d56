use super::{TraceContext, TraceSpan};

/// Decides what is traced, and takes what was. Called for batches, never for records.
pub trait Tracer: Send + Sync {
    /// A trace begins here, such as with a batch of a source: its first context, or `None` when it is not one of those that
    /// are kept. Must be cheap.
    fn begin(&self) -> Option<TraceContext>;

    /// A span of a trace that is kept has ended. Must not wait.
    fn ended(&self, span: TraceSpan);
}

/// Traces nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTracer;

impl Tracer for NoTracer {
    fn begin(&self) -> Option<TraceContext> {
        None
    }

    fn ended(&self, _: TraceSpan) {}
}

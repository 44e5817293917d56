use std::sync::Arc;
use std::time::SystemTime;

use etl_model::{SpanKind, StepName, TraceContext, TraceSpan, Tracer};
use etl_proto::relay::Kind;

/// Traces what a channel has its step do on behalf of a span of the sender.
#[derive(Clone)]
pub(super) struct Hop {
    tracer: Arc<dyn Tracer>,
    step: StepName,
}

impl Hop {
    pub fn new(tracer: Arc<dyn Tracer>, step: StepName) -> Self {
        Self { tracer, step }
    }

    /// Does work that a message of this kind has asked for; `failed` tells why it has failed.
    pub async fn carry<T>(
        &self,
        kind: Kind,
        cause: Option<TraceContext>,
        work: impl Future<Output = T>,
        failed: impl FnOnce(&T) -> Option<String>,
    ) -> T {
        let Some(cause) = cause.filter(TraceContext::is_sampled) else { return work.await };
        let (own, start) = (cause.child(), SystemTime::now());
        let done = etl_sdk::within(own, work).await;
        let mut span = TraceSpan::of(own, format!("relay {} {}", operation(kind), self.step), start);
        span.parent = Some(cause.span());
        span.kind = SpanKind::Server;
        span.failed = failed(&done);
        let span = span
            .with("etl.step", self.step.as_str().to_owned())
            .with("rpc.system", "grpc")
            .with("rpc.service", "actix_etl.relay.v1.Relay")
            .with("rpc.method", "Channel");
        self.tracer.ended(span);
        done
    }
}

/// The word of the engine for what a message asks for.
fn operation(kind: Kind) -> &'static str {
    match kind {
        Kind::Rows => "write",
        Kind::Stage => "stage",
        Kind::Commit => "commit",
        Kind::Process => "transform",
        Kind::Fence => "fence",
        Kind::Marker => "marker",
        Kind::Check => "check",
        Kind::Complete => "complete",
        _ => "call",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<TraceSpan>>);

    impl Tracer for Kept {
        fn begin(&self) -> Option<TraceContext> {
            None
        }

        fn ended(&self, span: TraceSpan) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span);
        }
    }

    #[tokio::test]
    async fn work_for_a_span_of_the_sender_is_a_span_below_it() -> Result<(), etl_model::InvalidName> {
        let kept = Arc::new(Kept::default());
        let hop = Hop::new(Arc::clone(&kept) as _, StepName::new("sink")?);
        let cause = TraceContext::new(true);
        let seen = hop.carry(Kind::Rows, Some(cause), async { etl_sdk::current_trace() }, |_| None).await;
        hop.carry(Kind::Commit, Some(cause), async {}, |()| Some("no".to_owned())).await;
        hop.carry(Kind::Rows, Some(TraceContext::new(false)), async {}, |()| None).await;
        hop.carry(Kind::Rows, None, async {}, |()| None).await;
        let spans = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(spans.len(), 2, "only what is traced");
        assert_eq!((spans[0].name.as_ref(), spans[0].parent), ("relay write sink", Some(cause.span())));
        assert_eq!((Some(spans[0].context), spans[0].context.trace()), (seen, cause.trace()));
        assert_eq!((spans[1].name.as_ref(), spans[1].failed.as_deref()), ("relay commit sink", Some("no")));
        Ok(())
    }
}

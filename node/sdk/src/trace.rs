use etl_model::TraceContext;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Carries out work on behalf of a span, which [`current_trace`] tells to whatever the work calls.
pub async fn within<T>(context: TraceContext, work: impl Future<Output = T>) -> T {
    CURRENT.scope(context, work).await
}

/// The same for work that computes or blocks.
pub fn within_blocking<T>(context: TraceContext, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(context, work)
}

/// The span on whose behalf the calling code works, when its trace is kept.
pub fn current_trace() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_knows_the_span_that_it_is_done_for() {
        let (outer, inner) = (TraceContext::new(true), TraceContext::new(true));
        let seen = within(outer, async {
            tokio::task::yield_now().await;
            (current_trace(), within(inner, async { current_trace() }).await, current_trace())
        });
        assert_eq!(seen.await, (Some(outer), Some(inner), Some(outer)));
        assert_eq!(within_blocking(inner, current_trace), Some(inner));
        assert_eq!(current_trace(), None);
    }
}

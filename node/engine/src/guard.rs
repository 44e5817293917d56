use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use etl_model::{Span, StepName};
use etl_sdk::ConnectorError;
use futures::FutureExt;

use crate::EngineError;
use crate::limits::StepGate;

/// The call into a step that is running now, for the supervisor to find the stuck.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    step: StepName,
    timeout: Option<Duration>,
    running: Arc<Mutex<Option<(&'static str, Instant)>>>,
}

fn text_of(panic: Box<dyn Any + Send>) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

impl Guard {
    /// Guards the calls into one step of one chain.
    pub fn new(step: StepName) -> Self {
        Self { step, timeout: None, running: Arc::default() }
    }

    /// The same for a step that is held back by a gate, which may say how long a call may take.
    pub fn gated(step: StepName, gate: Option<&StepGate>) -> Self {
        Self { timeout: gate.and_then(StepGate::timeout), ..Self::new(step) }
    }

    fn set(&self, now: Option<(&'static str, Instant)>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Runs an asynchronous call into connector code: its errors get the step's name, its panics become errors. A call that
    /// takes too long is given up; what it has done by then is found out when the chain is opened again.
    pub async fn call<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, ConnectorError>>,
    ) -> Result<T, EngineError> {
        self.set(Some((operation, Instant::now())));
        let work = AssertUnwindSafe(work).catch_unwind();
        let result = match self.timeout {
            None => work.await,
            Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
                let message = format!("`{operation}` has taken longer than {}", Span(limit));
                Ok(Err(ConnectorError::transient("timeout", message)))
            }),
        };
        self.set(None);
        self.judge(result)
    }

    /// The same for a call that computes.
    pub fn compute<T>(&self, work: impl FnOnce() -> Result<T, ConnectorError>) -> Result<T, EngineError> {
        self.judge(catch_unwind(AssertUnwindSafe(work)))
    }

    fn judge<T>(
        &self,
        result: Result<Result<T, ConnectorError>, Box<dyn Any + Send>>,
    ) -> Result<T, EngineError> {
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(EngineError::Step { step: self.step.clone(), error }),
            Err(panic) => Err(EngineError::Panicked { step: self.step.clone(), message: text_of(panic) }),
        }
    }

    /// An error when the call running now has taken longer than `limit`.
    pub fn stalled(&self, limit: Duration) -> Option<EngineError> {
        let running = *self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.filter(|(_, since)| since.elapsed() > limit).map(|(operation, since)| EngineError::Stalled {
            step: self.step.clone(),
            operation,
            seconds: since.elapsed().as_secs(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_connector_is_a_failed_step() {
        let guard = Guard::new(StepName::new("orders").unwrap());
        let error = guard.call("read", async { panic!("boom") as Result<(), _> }).await.unwrap_err();
        assert_eq!(error.to_string(), "orders: panicked: boom");
        let error = guard.compute(|| -> Result<(), _> { panic!("bang {}", 1) }).unwrap_err();
        assert_eq!(error.to_string(), "orders: panicked: bang 1");
        assert!(guard.stalled(Duration::ZERO).is_none(), "a call that has ended cannot be stuck");
    }

    #[tokio::test]
    async fn a_call_that_does_not_return_is_seen() {
        let guard = Guard::new(StepName::new("orders").unwrap());
        let watched = guard.clone();
        let call = guard.call("commit", async move {
            while watched.stalled(Duration::from_millis(1)).is_none() {
                tokio::task::yield_now().await;
            }
            Err::<(), _>(ConnectorError::internal("seen"))
        });
        assert_eq!(call.await.unwrap_err().to_string(), "orders: internal error: seen");
    }
}

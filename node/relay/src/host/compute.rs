use std::sync::Arc;

use etl_sdk::ConnectorError;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::guard::guarded_compute;

/// Threads that compute, as many at once as the host allows over all channels.
#[derive(Clone)]
pub(super) struct Compute(Arc<Semaphore>);

/// What a thread is computing. Its result is lost with it, never its work half done: it touches nothing but memory.
pub(super) struct Computing<T>(JoinHandle<Result<T, ConnectorError>>);

impl Compute {
    pub fn new(threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads)))
    }

    /// Computes on a blocking thread, once one is free.
    pub fn begin<T, F>(&self, work: F) -> Computing<T>
    where
        F: FnOnce() -> Result<T, ConnectorError> + Send + 'static,
        T: Send + 'static,
    {
        let threads = Arc::clone(&self.0);
        Computing(tokio::spawn(async move {
            let thread = threads.acquire_owned().await;
            let computed = tokio::task::spawn_blocking(move || {
                let result = guarded_compute(work);
                drop(thread);
                result
            });
            computed.await.unwrap_or_else(|error| Err(stopped(&error)))
        }))
    }
}

fn stopped(error: &tokio::task::JoinError) -> ConnectorError {
    ConnectorError::transient("relay_stopping", format!("the computation was ended: {error}"))
}

impl<T> Computing<T> {
    pub async fn result(mut self) -> Result<T, ConnectorError> {
        (&mut self.0).await.unwrap_or_else(|error| Err(stopped(&error)))
    }
}

impl<T> Drop for Computing<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

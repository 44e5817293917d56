use std::panic::resume_unwind;

use crate::ConnectorError;

/// Runs blocking work (files, embedded databases) on the runtime's blocking threads.
///
/// A panic inside goes on in the caller, where the engine turns it into a failed step.
pub async fn blocking<T, F>(work: F) -> Result<T, ConnectorError>
where
    F: FnOnce() -> Result<T, ConnectorError> + Send + 'static,
    T: Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(ConnectorError::internal("the runtime is shutting down")),
        },
    }
}

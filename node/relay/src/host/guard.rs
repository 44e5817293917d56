use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use etl_sdk::ConnectorError;
use futures::FutureExt;

fn panicked(panic: &(dyn Any + Send)) -> ConnectorError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    ConnectorError::internal(format!("panicked: {}", text.unwrap_or_else(|| "no message".to_owned())))
}

/// Runs code of a step; its panics become errors.
pub(super) async fn guarded<T>(
    work: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(panicked(panic.as_ref())),
    }
}

/// Runs code of a step that computes; its panics become errors.
pub(super) fn guarded_compute<T>(
    work: impl FnOnce() -> Result<T, ConnectorError>,
) -> Result<T, ConnectorError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}

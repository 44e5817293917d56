use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use etl_raft::network::{Connection, Dialer};
use futures::future::BoxFuture;

/// Why the last attempt to connect failed; `None` when it succeeded. What was not connected was not sent.
#[derive(Debug, Clone, Default)]
pub(super) struct LastDial(Arc<Mutex<Option<String>>>);

impl LastDial {
    pub fn failure(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, failure: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

/// Dials as another does and remembers why it failed: gRPC tells only that it did.
pub(super) struct RememberingDialer {
    pub inner: Arc<dyn Dialer>,
    pub last: LastDial,
}

impl Dialer for RememberingDialer {
    fn dial(&self, address: String) -> BoxFuture<'static, io::Result<Connection>> {
        let prefix = format!("{address}: ");
        let connecting = self.inner.dial(address);
        let last = self.last.clone();
        Box::pin(async move {
            // Stands when the channel gives up waiting.
            last.set(Some("it did not accept a connection in time".to_owned()));
            let connected = connecting.await;
            last.set(connected.as_ref().err().map(|error| {
                let message = error.to_string();
                message.strip_prefix(&prefix).map_or(message.clone(), str::to_owned)
            }));
            connected
        })
    }
}

use etl_security::Listener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::server::Router;

use super::Error;

/// A listener whose connections are served. Ends when it is dropped.
pub(crate) struct Serving {
    name: &'static str,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Serving {
    /// Serves from now on; `name` is for messages.
    pub fn start(name: &'static str, router: Router, listener: Listener) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let signal = async {
            // A dropped sender asks to stop, too.
            let _ = stopped.await;
        };
        let task = tokio::spawn(router.serve_with_incoming_shutdown(listener.connections(), signal));
        Self { name, stop: Some(stop), task }
    }

    /// Accepts nothing more; calls under way go on.
    pub fn close(&mut self) {
        self.stop = None;
    }

    /// Waits until the last call has been answered. To be called after [`Self::close`].
    pub async fn closed(&mut self) {
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(listener = self.name, %error, "the listener did not end well");
        }
    }

    /// Resolves when it has ended by itself, which it never should.
    pub async fn failed(&mut self) -> Error {
        let why = match (&mut self.task).await {
            Ok(Ok(())) => "without a reason".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Error::Defect(format!("the {} listener has ended: {why}", self.name))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

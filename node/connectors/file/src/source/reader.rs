use async_trait::async_trait;
use etl_sdk::{ConnectorError, Fetched, PartitionReader};
use tokio::task::JoinHandle;

/// The blocking half of a reader.
pub trait ReadCore: Send + 'static {
    /// The next chunk or the end.
    fn next(&mut self) -> Result<Fetched, ConnectorError>;
}

type Step = (Box<dyn ReadCore>, Result<Fetched, ConnectorError>);

enum State {
    Idle(Box<dyn ReadCore>),
    /// A blocking thread reads; if the reader is dropped it ends after this chunk and is forgotten.
    Busy(JoinHandle<Step>),
    Failed,
}

/// Reads one chunk ahead on a blocking thread while the last one is processed.
pub struct ReadAhead {
    state: State,
}

impl ReadAhead {
    /// A reader that has not begun yet.
    pub fn new(core: impl ReadCore) -> Self {
        Self { state: State::Idle(Box::new(core)) }
    }
}

fn start(mut core: Box<dyn ReadCore>) -> State {
    State::Busy(tokio::task::spawn_blocking(move || {
        let fetched = core.next();
        (core, fetched)
    }))
}

#[async_trait]
impl PartitionReader for ReadAhead {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(core) => start(core),
            other => other,
        };
        let State::Busy(running) = &mut self.state else {
            return Err(ConnectorError::internal("the reader was used after an error"));
        };
        // Awaited in place: if this future is dropped, the next call finds the chunk.
        let (core, fetched) = match running.await {
            Ok(step) => step,
            Err(error) => {
                self.state = State::Failed;
                match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => return Err(ConnectorError::internal("the runtime is shutting down")),
                }
            }
        };
        self.state = match &fetched {
            Ok(Fetched::Chunk(_)) => start(core),
            Ok(_) => State::Idle(core),
            Err(_) => State::Failed,
        };
        fetched
    }
}

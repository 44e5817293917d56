use async_trait::async_trait;
use etl_model::Position;
use etl_sdk::{ConnectorError, Fetched, PartitionReader};
use tokio::sync::mpsc::{self, Receiver};

use super::producer::{Produced, Producer};

/// Receives what a producer reads on its thread. Dropping it ends the producer.
pub(super) struct Reader {
    produced: Receiver<Result<Produced, ConnectorError>>,
    end: Option<Position>,
}

impl Reader {
    /// Starts the producer.
    pub(super) fn start(producer: Producer) -> Self {
        let (to, produced) = mpsc::channel(1);
        tokio::task::spawn_blocking(move || producer.run(&to));
        Self { produced, end: None }
    }
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        if let Some(end) = &self.end {
            return Ok(Fetched::End(end.clone()));
        }
        match self.produced.recv().await {
            Some(Ok(Produced::Chunk(chunk))) => Ok(Fetched::Chunk(chunk)),
            Some(Ok(Produced::End(end))) => {
                self.end = Some(end.clone());
                Ok(Fetched::End(end))
            }
            Some(Err(error)) => Err(error),
            None => Err(ConnectorError::internal("the thread that read from SQLite has ended early")),
        }
    }
}

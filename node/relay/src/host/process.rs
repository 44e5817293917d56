use std::sync::Arc;

use bytes::Bytes;
use etl_sdk::{ConnectorError, Processor};
use tokio::sync::OnceCell;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::compute::Compute;
use super::open_step::hosted;
use crate::channel::ChannelId;
use crate::codec::{Answer, rows_from_bytes, whole};
use crate::ports::{Hosted, HostedStep, Hosting};

/// The real transformation on behalf of one channel.
pub(super) struct Processing {
    step: OnceCell<Arc<dyn Processor>>,
    id: ChannelId,
    hosting: Arc<dyn Hosting>,
    compute: Compute,
    _gone: DropGuard,
}

impl Processing {
    pub fn new(id: ChannelId, hosting: Arc<dyn Hosting>, compute: Compute, gone: CancellationToken) -> Self {
        Self { step: OnceCell::new(), id, hosting, compute, _gone: gone.drop_guard() }
    }

    async fn step(&self) -> Result<Arc<dyn Processor>, ConnectorError> {
        let find = || async {
            let Hosted { step, .. } = hosted(&self.hosting, &self.id).await?;
            match step {
                HostedStep::Processor(processor) => Ok(processor),
                HostedStep::Destination(_) | HostedStep::Shard { .. } => {
                    Err(ConnectorError::internal(format!("{}: not a processor", self.id)))
                }
            }
        };
        self.step.get_or_try_init(find).await.cloned()
    }

    /// Transforms one batch.
    pub async fn process(&self, rows: Bytes) -> Answer {
        let processed = async {
            let processor = self.step().await?;
            let id = self.id.clone();
            let computing = self.compute.begin(move || {
                let batch = rows_from_bytes(rows).map_err(|error| error.of_channel(&id))?;
                let processed = processor.process(batch)?;
                let rows = whole(&processed.batch)
                    .map_err(|error| ConnectorError::internal(format!("{id}: {error}")))?;
                Ok((Bytes::from(rows), processed.filtered, processed.errors))
            });
            computing.result().await
        };
        match processed.await {
            Ok((rows, filtered, errors)) => Answer::Processed { rows, filtered, errors },
            Err(error) => Answer::Error(error),
        }
    }
}

use async_trait::async_trait;
use etl_model::{Claim, Marker, RecordError, Unit};
use etl_sdk::{ConnectorError, Encoded, RouteWriter, blocking};

use super::route::RouteStaging;

/// Encoded bytes that are handed to a blocking thread at once; small batches wait until this many are together.
const WRITE_BYTES: usize = 1 << 20;

/// The writer of one route: hands the work to blocking threads.
pub struct FileWriter {
    /// Absent while a blocking thread works with it; stays so when that work fails or is abandoned.
    staging: Option<RouteStaging>,
    pending: Vec<Encoded>,
    pending_bytes: usize,
}

impl FileWriter {
    /// The writer over a route's staging.
    pub fn new(staging: RouteStaging) -> Self {
        Self { staging: Some(staging), pending: Vec::new(), pending_bytes: 0 }
    }

    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut RouteStaging) -> Result<T, ConnectorError> + Send + 'static,
    ) -> Result<T, ConnectorError> {
        let Some(mut staging) = self.staging.take() else {
            return Err(ConnectorError::internal("the writer was used after an error"));
        };
        let (staging, result) = blocking(move || {
            let result = work(&mut staging)?;
            Ok((staging, result))
        })
        .await?;
        self.staging = Some(staging);
        Ok(result)
    }

    fn take_pending(&mut self) -> Vec<Encoded> {
        self.pending_bytes = 0;
        std::mem::take(&mut self.pending)
    }
}

#[async_trait]
impl RouteWriter for FileWriter {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        self.with(|staging| staging.marker()).await
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        self.take_pending();
        let claim = claim.clone();
        self.with(move |staging| staging.fence(&claim)).await
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        self.pending_bytes += rows.bytes;
        self.pending.push(rows);
        if self.pending_bytes < WRITE_BYTES {
            return Ok(());
        }
        let pending = self.take_pending();
        self.with(move |staging| staging.write(pending)).await
    }

    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        let (pending, unit) = (self.take_pending(), unit.clone());
        self.with(move |staging| {
            staging.write(pending)?;
            staging.stage(&unit)
        })
        .await?;
        Ok(Vec::new())
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        let unit = unit.clone();
        self.with(move |staging| staging.commit(&unit)).await
    }
}

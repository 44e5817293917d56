use async_trait::async_trait;
use etl_model::{Claim, Fence, Marker, RecordError, Unit};
use etl_sdk::{ConnectorError, Encoded, Payload, RouteWriter, blocking, failpoint};

use super::output::{Output, Text};

/// Collects a unit and prints it when it is committed, so that a unit that fails before prints nothing.
pub(super) struct Printer {
    output: Output,
    unit: Vec<Text>,
}

impl Printer {
    pub(super) fn new(output: Output) -> Self {
        Self { output, unit: Vec::new() }
    }
}

#[async_trait]
impl RouteWriter for Printer {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        Ok(None)
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        match claim.decide(None) {
            Fence::Store(marker) | Fence::Held(marker) => Ok(marker),
            Fence::Fenced { .. } | Fence::Stranger { .. } => {
                Err(ConnectorError::internal("a claim was refused where nothing is stored"))
            }
        }
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        match rows.payload {
            Payload::Bytes { body, header } => {
                self.unit.push(Text { header, body });
                Ok(())
            }
            Payload::Columns(_) | Payload::Rows { .. } => {
                Err(ConnectorError::internal("stdout was given something else than text"))
            }
        }
    }

    async fn stage(&mut self, _unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        failpoint("unit_staged")?;
        Ok(Vec::new())
    }

    async fn commit(&mut self, _unit: &Unit) -> Result<(), ConnectorError> {
        failpoint("commit_started")?;
        let unit = std::mem::take(&mut self.unit);
        let output = self.output.clone();
        blocking(move || Ok(output.print(&unit)?)).await?;
        failpoint("commit_done")
    }
}

use std::sync::Arc;

use etl_model::Batch;
use etl_sdk::{Brake, ConnectorError, Processed, Processor, ProcessorCapabilities, Repartition, Sequential};

use super::life::Life;

/// A transformation that asks systems outside, as a part of a process.
pub(super) struct Caller {
    pub processor: Arc<dyn Processor>,
    pub life: Arc<Life>,
}

impl Caller {
    fn call(
        &self,
        call: impl FnOnce() -> Result<Processed, ConnectorError>,
    ) -> Result<Processed, ConnectorError> {
        let died = || Err(ConnectorError::internal("the process has died"));
        self.life.call(call).unwrap_or_else(died)
    }
}

impl Processor for Caller {
    fn capabilities(&self) -> ProcessorCapabilities {
        self.processor.capabilities()
    }

    fn repartition(&self) -> Option<&dyn Repartition> {
        self.processor.repartition()
    }

    fn begin(&self) -> Option<Box<dyn Sequential>> {
        self.processor.begin()
    }

    fn process_braked(&self, batch: Batch, brake: &dyn Brake) -> Result<Processed, ConnectorError> {
        self.call(|| self.processor.process_braked(batch, brake))
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        self.call(|| self.processor.process(batch))
    }
}

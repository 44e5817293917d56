use etl_model::Batch;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use crate::record_errors::RecordErrors;
use crate::validate::config::Rules;

/// Configured rules.
pub(crate) struct ValidateProcessor {
    rules: Rules,
}

impl ValidateProcessor {
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }
}

impl Processor for ValidateProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let internal = |error: String| ConnectorError::internal(format!("validate: {error}"));
        let mut errors = RecordErrors::default();
        for rule in &self.rules.rules {
            rule.apply(&batch, &mut errors).map_err(|error| internal(error.to_string()))?;
        }
        if let Some(document) = &self.rules.document {
            document.apply(&batch, &mut errors);
        }
        errors.take_out(&batch, batch.clone()).map_err(|error| internal(error.to_string()))
    }
}

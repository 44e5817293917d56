use std::sync::Arc;

use etl_formats::TextEncoder;
use etl_formats::csv::{CsvEncoder, Dialect};
use etl_formats::json::{LinesEncoder, Nulls};
use etl_model::Batch;
use etl_sdk::{ConnectorError, Encoded, Encoder, Payload};

use super::config::OutputFormat;
use crate::BasicError;

/// Encodes rows as text.
pub(super) struct RowEncoder(Box<dyn TextEncoder>);

impl RowEncoder {
    pub(super) fn new(format: OutputFormat) -> Arc<Self> {
        Arc::new(Self(match format {
            OutputFormat::Jsonl => Box::new(LinesEncoder::new(Nulls::Explicit)),
            OutputFormat::Csv => Box::new(CsvEncoder::new(Dialect::default())),
        }))
    }
}

impl Encoder for RowEncoder {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        let mut body = Vec::new();
        let errors = self.0.encode(&batch, &mut body).map_err(BasicError::from)?;
        let header = self.0.header(&batch.schema());
        let rows = (batch.len() - errors.len().min(batch.len())) as u64;
        Ok(Encoded { rows, bytes: body.capacity(), payload: Payload::Bytes { body, header }, errors })
    }
}

use std::sync::Arc;

use etl_model::Batch;
use etl_sdk::{ConnectorError, Encoded, Encoder, Payload};

use crate::RelayError;
use crate::codec::slice;

/// Encodes rows for the wire. The destination's own form is made where it runs.
pub(super) struct IpcEncoder;

/// An encoding that failed is a defect: every batch has an Arrow IPC form.
pub(super) fn defect(error: &RelayError) -> ConnectorError {
    ConnectorError::internal(format!("rows cannot be relayed: {error}"))
}

impl Encoder for IpcEncoder {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        let rows = batch.len() as u64;
        let (body, slices) = slice(&batch).map_err(|error| defect(&error))?;
        let bytes = body.len();
        let payload = Payload::Rows { body, ordinals: batch.ordinals().clone(), layout: Arc::new(slices) };
        Ok(Encoded { payload, rows, bytes, errors: Vec::new() })
    }
}

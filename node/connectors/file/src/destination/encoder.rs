use std::path::Path;

use etl_formats::{Compression, TextEncoder};
use etl_model::Batch;
use etl_sdk::{ConnectorError, Encoded, Encoder, Payload};

use super::segment::compress;
use crate::error::FileError;

/// Turns rows into text, compressed batch by batch so that all threads share the work.
pub struct RowsEncoder {
    encoder: Box<dyn TextEncoder>,
    compression: Compression,
    /// Bytes that the encoder puts between rows, and also before a batch's first, where the frame puts its own.
    separator: &'static [u8],
}

impl RowsEncoder {
    /// Encodes with `encoder`; each batch becomes a compressed member of its own.
    pub fn new(encoder: Box<dyn TextEncoder>, compression: Compression, separator: &'static [u8]) -> Self {
        Self { encoder, compression, separator }
    }
}

impl Encoder for RowsEncoder {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        let mut body = Vec::new();
        let errors = self.encoder.encode(&batch, &mut body).map_err(format_error)?;
        if body.starts_with(self.separator) {
            body.drain(..self.separator.len());
        }
        let header = self.encoder.header(&batch.schema());
        let body = compress(self.compression, body)?;
        let rows = (batch.len() - errors.len().min(batch.len())) as u64;
        Ok(Encoded { rows, bytes: body.capacity(), errors, payload: Payload::Bytes { body, header } })
    }
}

/// Leaves rows as columns; they are encoded when they are written, because a Parquet file is built in order.
pub struct ColumnsEncoder;

impl Encoder for ColumnsEncoder {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        Ok(Encoded {
            rows: batch.len() as u64,
            bytes: batch.memory(),
            errors: Vec::new(),
            payload: Payload::Columns(batch),
        })
    }
}

fn format_error(error: etl_formats::FormatError) -> ConnectorError {
    FileError::format(Path::new("output"))(error).into()
}

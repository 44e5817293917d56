use std::path::PathBuf;
use std::sync::Arc;

use etl_formats::{Decoder, Section};
use etl_model::{Batch, Position};
use etl_sdk::{Chunk, ConnectorError, Decoded};

use crate::error::FileError;

/// Decodes the text of one file.
pub struct TextDecoder {
    path: PathBuf,
    origin: String,
    decoder: Box<dyn Decoder>,
    /// For each column of the source its place in this file, where the file has another order.
    order: Option<Vec<usize>>,
}

impl TextDecoder {
    /// A decoder for the file of this path.
    pub fn new(path: &str, decoder: Box<dyn Decoder>, order: Option<Vec<usize>>) -> Self {
        Self { path: path.into(), origin: path.to_owned(), decoder, order }
    }

    fn decode(&self, data: &[u8], offset: u64, line: u64) -> Result<Decoded, FileError> {
        let section = Section { data, offset, line, origin: &self.origin };
        let (mut batches, errors) = self.decoder.decode(section).map_err(FileError::format(&self.path))?;
        if let Some(order) = &self.order {
            batches = batches.into_iter().map(|batch| reorder(batch, order)).collect::<Result<_, _>>()?;
        }
        Ok(Decoded { batches, errors })
    }
}

fn reorder(batch: Batch, order: &[usize]) -> Result<Batch, FileError> {
    let records = batch.records().project(order).map_err(|error| FileError::Internal(error.to_string()))?;
    batch.with_records(records).map_err(|error| FileError::Internal(error.to_string()))
}

/// Whole records of a text file.
pub struct TextChunk {
    /// The bytes as read; the records begin at `begin`.
    pub bytes: Vec<u8>,
    /// Where the first record begins.
    pub begin: usize,
    /// Offset of the first record in the decompressed file.
    pub offset: u64,
    /// Its line, from 1.
    pub line: u64,
    /// Bytes of the stored file.
    pub source_bytes: u64,
    /// The position behind the last record.
    pub end: Position,
    /// Turns them into columns.
    pub decoder: Arc<TextDecoder>,
}

impl Chunk for TextChunk {
    fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    fn source_bytes(&self) -> u64 {
        self.source_bytes
    }

    fn end(&self) -> Position {
        self.end.clone()
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        let data = self.bytes.get(self.begin..).unwrap_or_default();
        Ok(self.decoder.decode(data, self.offset, self.line)?)
    }
}

/// A decoded batch of a format that is decoded in order.
pub struct BatchChunk {
    /// The rows.
    pub batch: Batch,
    /// Bytes of the file that they stand for.
    pub source_bytes: u64,
    /// The position behind the last row.
    pub end: Position,
}

impl Chunk for BatchChunk {
    fn memory(&self) -> usize {
        self.batch.memory()
    }

    fn source_bytes(&self) -> u64 {
        self.source_bytes
    }

    fn end(&self) -> Position {
        self.end.clone()
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        Ok(Decoded { batches: vec![self.batch], errors: Vec::new() })
    }
}

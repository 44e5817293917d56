use std::sync::Arc;

use arrow::datatypes::Schema;
use etl_model::{Batch, RecordError};

use crate::{FormatError, TextEncoder};

use super::fault::Fault;
use super::object_writer::ObjectWriter;
use super::options::Nulls;
use super::row::row_to_value;
use super::writer::Style;

/// What a file of one JSON array begins with.
pub const ARRAY_OPEN: &[u8] = b"[";
/// What a file of one JSON array ends with.
pub const ARRAY_CLOSE: &[u8] = b"\n]\n";

/// Rows written before the size of the rest is estimated.
const SAMPLE_ROWS: usize = 64;

/// Writes each row as an object on a line of its own.
///
/// Numbers are written so that reading them gives the same value: `1.0` stays `1.0`, decimals keep all their digits.
/// Timestamps are RFC 3339 (without offset where the column has no zone), dates `2024-01-31`, times `23:59:59`, binary
/// values Base64; a JSON-typed column is written as the document it holds. NaN and infinities are errors of their row
/// (`json_not_finite`), like a JSON-typed value that is not JSON (`json_invalid`).
#[derive(Debug, Clone, Copy, Default)]
pub struct LinesEncoder {
    nulls: Nulls,
}

impl LinesEncoder {
    /// Writes null fields as asked.
    pub fn new(nulls: Nulls) -> Self {
        Self { nulls }
    }
}

impl TextEncoder for LinesEncoder {
    fn encode(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<Vec<RecordError>, FormatError> {
        encode(batch, self.nulls, b"", b"\n", out)
    }

    fn header(&self, _schema: &Schema) -> Option<Arc<[u8]>> {
        None
    }
}

/// Writes each row as an element of one JSON array, as [`LinesEncoder`] writes objects.
///
/// A row is a comma, a line end and the object. A file is [`ARRAY_OPEN`], the rows of all batches **without the very
/// first comma**, and [`ARRAY_CLOSE`]; a file without rows is the two alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct ArrayEncoder {
    nulls: Nulls,
}

impl ArrayEncoder {
    /// Writes null fields as asked.
    pub fn new(nulls: Nulls) -> Self {
        Self { nulls }
    }
}

impl TextEncoder for ArrayEncoder {
    fn encode(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<Vec<RecordError>, FormatError> {
        encode(batch, self.nulls, b",\n", b"", out)
    }

    fn header(&self, _schema: &Schema) -> Option<Arc<[u8]>> {
        Some(Arc::from(ARRAY_OPEN))
    }
}

fn encode(
    batch: &Batch,
    nulls: Nulls,
    before: &[u8],
    behind: &[u8],
    out: &mut Vec<u8>,
) -> Result<Vec<RecordError>, FormatError> {
    let style = Style { nulls, lenient: false };
    let schema = batch.schema();
    let rows = ObjectWriter::new(schema.fields(), batch.records().columns(), style)?;
    let begin = out.len();
    let mut errors = Vec::new();
    for (row, &ordinal) in batch.ordinals().values().iter().enumerate() {
        if row == SAMPLE_ROWS {
            let estimate = (out.len() - begin) / SAMPLE_ROWS * (batch.len() - SAMPLE_ROWS);
            out.reserve(estimate + estimate / 16);
        }
        let start = out.len();
        out.extend_from_slice(before);
        match rows.write(row, out) {
            Ok(()) => out.extend_from_slice(behind),
            Err(fault) => {
                out.truncate(start);
                errors.push(refused(batch, row, ordinal, *fault));
            }
        }
    }
    Ok(errors)
}

#[cold]
fn refused(batch: &Batch, row: usize, ordinal: u64, fault: Fault) -> RecordError {
    let field = fault.field();
    let mut error =
        RecordError::new(ordinal, fault.code, fault.message).with_record(row_to_value(batch.records(), row));
    error.field = field;
    error.help = fault.help.map(str::to_owned);
    error
}

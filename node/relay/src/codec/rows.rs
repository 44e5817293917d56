use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use arrow::error::ArrowError;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use bytes::Bytes;
use etl_model::Batch;

use crate::RelayError;

/// Appends a batch as an Arrow IPC stream (columnar format version 1.0): the schema, dictionaries, one record batch with the
/// ordinals as its last column, the end. Nothing before or after is needed to read it.
pub(crate) fn rows_to_bytes(batch: &Batch, out: &mut Vec<u8>) -> Result<(), RelayError> {
    write(batch, out).map_err(RelayError::rows)
}

fn write(batch: &Batch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
    let schema = batch.schema();
    let ordinals = Arc::new(Field::new("", DataType::UInt64, false));
    let fields: Vec<_> = schema.fields().iter().cloned().chain([ordinals]).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let mut columns = batch.records().columns().to_vec();
    columns.push(Arc::new(batch.ordinals().clone()));
    let records = RecordBatch::try_new(schema, columns)?;
    let mut writer = StreamWriter::try_new(out, records.schema_ref())?;
    writer.write(&records)?;
    writer.finish()
}

/// Reads what [`rows_to_bytes`] has written.
pub(crate) fn rows_from_bytes(bytes: Bytes) -> Result<Batch, RelayError> {
    let mut input = Buffer::from(bytes);
    let mut decoder = StreamDecoder::new();
    let mut found = None;
    while let Some(records) = decoder.decode(&mut input).map_err(RelayError::rows)? {
        if found.replace(records).is_some() {
            return Err(RelayError::malformed("rows", "more than one batch"));
        }
    }
    decoder.finish().map_err(RelayError::rows)?;
    split(found.ok_or_else(|| RelayError::malformed("rows", "no batch"))?)
}

fn split(records: RecordBatch) -> Result<Batch, RelayError> {
    let no_ordinals = || RelayError::malformed("rows", "the last column does not hold ordinals");
    let (schema, mut columns, rows) = records.into_parts();
    let ordinals = columns.pop().ok_or_else(no_ordinals)?;
    let ordinals = ordinals.as_primitive_opt::<UInt64Type>().ok_or_else(no_ordinals)?;
    if ordinals.null_count() > 0 {
        return Err(no_ordinals());
    }
    let fields: Vec<_> = schema.fields().iter().take(columns.len()).cloned().collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let records = RecordBatch::try_new_with_options(schema, columns, &options).map_err(RelayError::rows)?;
    Batch::new(records, ordinals.clone()).map_err(|error| RelayError::malformed("rows", error))
}

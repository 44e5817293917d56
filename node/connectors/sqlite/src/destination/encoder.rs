use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use etl_model::{Batch, RecordError};
use etl_sdk::{ConnectorError, Encoded, Encoder, Payload};
use serde_json::Value;

use super::cells::{Cells, row_to_json};
use super::storage::{CellFault, Stored, store};
use crate::SqliteError;

/// Converts columns to the few types SQLite stores, so that the writer only binds values.
#[derive(Debug, Default)]
pub(super) struct ColumnEncoder;

impl Encoder for ColumnEncoder {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        Ok(encode(batch)?)
    }
}

fn encode(batch: Batch) -> Result<Encoded, SqliteError> {
    let schema = batch.schema();
    let mut fields = Vec::with_capacity(schema.fields().len());
    let mut columns = Vec::with_capacity(schema.fields().len());
    // The first fault of each row, with its column.
    let mut faults: BTreeMap<usize, (String, CellFault)> = BTreeMap::new();
    for (field, values) in schema.fields().iter().zip(batch.records().columns()) {
        let stored: Stored = store(field, values)?;
        for fault in stored.faults {
            faults.entry(fault.row).or_insert_with(|| (field.name().clone(), fault));
        }
        fields.push(stored.field);
        columns.push(stored.values);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
    let records = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|error| SqliteError::Impossible(error.to_string()))?;
    let mut batch =
        batch.with_records(records).map_err(|error| SqliteError::Impossible(error.to_string()))?;
    let mut errors = Vec::with_capacity(faults.len());
    if !faults.is_empty() {
        let cells = Cells::all(batch.records())?;
        for (column, fault) in faults.values() {
            errors.push(refused(&batch, &cells, column, fault));
        }
        let keep: BooleanArray = (0..batch.len()).map(|row| Some(!faults.contains_key(&row))).collect();
        batch = batch.filter(&keep).map_err(|error| SqliteError::Impossible(error.to_string()))?;
    }
    Ok(Encoded { rows: batch.len() as u64, bytes: batch.memory(), payload: Payload::Columns(batch), errors })
}

fn refused(batch: &Batch, cells: &[Cells<'_>], column: &str, fault: &CellFault) -> RecordError {
    let mut record = row_to_json(batch.records(), cells, fault.row);
    if let Value::Object(fields) = &mut record {
        fields.insert(column.to_owned(), Value::from(fault.shown.as_str()));
    }
    RecordError::new(batch.ordinals().value(fault.row), fault.code, fault.message.as_str())
        .with_field(column)
        .with_help("convert the column with a mapping, or send such records to the dead letters")
        .with_record(record)
}

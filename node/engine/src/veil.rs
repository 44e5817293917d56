use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, StructArray, new_null_array};
use arrow::error::ArrowError;
use etl_model::Batch;
use etl_sdk::{ConnectorError, Processor};

use crate::ERROR_COLUMN;

/// What of an error can quote a value.
const QUOTING: [&str; 2] = ["message", "help"];

/// Hides values from those who look on: transformations that are carried out on what is shown, and never on what goes on.
/// Clones share them.
#[derive(Clone, Default)]
pub struct Veil(Arc<[Arc<dyn Processor>]>);

impl Veil {
    /// Of these, in their order.
    pub fn new(masks: Vec<Arc<dyn Processor>>) -> Self {
        Self(masks.into())
    }

    /// Whether everything is shown as it is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What may be seen of records; those that cannot be masked are left out, and so is what errors say of them.
    ///
    /// # Errors
    /// A transformation is broken: nothing may be seen.
    pub fn over(&self, batch: Batch) -> Result<Batch, ConnectorError> {
        if self.is_empty() {
            return Ok(batch);
        }
        let mut shown = batch;
        for mask in self.0.iter() {
            shown = mask.process(shown)?.batch;
        }
        let records = unquoted(shown.records()).map_err(defect)?;
        shown.with_records(records).map_err(defect)
    }
}

fn defect(error: impl fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("what is shown cannot be masked: {error}"))
}

/// Records without the texts of errors that may quote values.
fn unquoted(records: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = records.schema();
    let found = schema.column_with_name(ERROR_COLUMN);
    let Some((at, why)) = found.and_then(|(at, _)| Some((at, records.column(at).as_struct_opt()?))) else {
        return Ok(records.clone());
    };
    let (fields, mut columns, nulls) = why.clone().into_parts();
    for (field, column) in fields.iter().zip(&mut columns) {
        if QUOTING.contains(&field.name().as_str()) {
            *column = new_null_array(field.data_type(), column.len());
        }
    }
    let mut all = records.columns().to_vec();
    all[at] = Arc::new(StructArray::try_new(fields, columns, nulls)?);
    RecordBatch::try_new(schema, all)
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Veil").field(&self.0.len()).finish()
    }
}

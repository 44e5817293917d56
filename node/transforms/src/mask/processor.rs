use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use etl_model::Batch;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use super::column::{Column, mask_fields};
use super::config::Rule;
use crate::unfit::Unfit;

/// A configured mask.
pub(super) struct MaskProcessor {
    rules: Vec<Rule>,
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("mask: {error}"))
}

impl MaskProcessor {
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules }
    }

    /// The records with every rule carried out, and the first field that they should have and lack.
    fn mask(&self, records: &RecordBatch) -> Result<(RecordBatch, Option<Unfit>), ArrowError> {
        let schema = records.schema();
        let given = schema.fields().iter().cloned().zip(records.columns().iter().cloned());
        let mut columns: Vec<Column> = given.collect();
        let mut missing = None;
        for rule in &self.rules {
            let path = rule.field.as_ref().map_or(&[][..], |field| field.segments());
            match (mask_fields(&columns, path, &rule.method)?, &rule.field) {
                (Some(masked), _) => columns = masked,
                (None, Some(field)) if rule.required && field.find(&schema).is_none() => {
                    let message = format!("there is no field `{}`, which must be masked", field.text());
                    missing.get_or_insert_with(|| Unfit::new("missing_field", message, field.text()));
                }
                (None, _) => {}
            }
        }
        let (fields, columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
        Ok((RecordBatch::try_new_with_options(schema, columns, &options)?, missing))
    }
}

impl Processor for MaskProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let (records, missing) = self.mask(batch.records()).map_err(internal)?;
        let batch = batch.with_records(records).map_err(internal)?;
        match missing {
            // The records of the errors are the masked ones.
            Some(unfit) => Ok(unfit.refuse(&batch)),
            None => Ok(Processed { batch, filtered: Vec::new(), errors: Vec::new() }),
        }
    }
}

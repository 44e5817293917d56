use std::collections::BTreeMap;

use arrow::array::BooleanArray;
use arrow::buffer::BooleanBuffer;
use etl_expr::{ExprError, RowError, record_json};
use etl_model::{Batch, RecordError};

/// The failed rows of one batch, each with its first reason.
#[derive(Debug, Default)]
pub(crate) struct RecordErrors(BTreeMap<usize, Reason>);

#[derive(Debug, Clone)]
struct Reason {
    code: &'static str,
    message: String,
    field: Option<String>,
    help: Option<String>,
}

impl RecordErrors {
    /// Adds the rows for which an expression has no value; `field` is the destination it was for.
    pub fn add(&mut self, errors: Vec<RowError>, field: Option<&str>) {
        for error in errors {
            self.0.entry(error.row).or_insert_with(|| Reason {
                code: error.code,
                message: error.message,
                field: field.map(str::to_owned),
                help: None,
            });
        }
    }

    /// Every row fails with the first of the faults that an expression has against the batch's schema.
    pub fn add_all(&mut self, rows: usize, fault: &ExprError, field: Option<&str>) {
        let reason = Reason {
            code: fault.code,
            message: fault.message.clone(),
            field: field.map(str::to_owned),
            help: fault.help.clone(),
        };
        for row in 0..rows {
            self.0.entry(row).or_insert_with(|| reason.clone());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True for the rows that have not failed.
    pub fn sound(&self, rows: usize) -> BooleanArray {
        let values = BooleanBuffer::collect_bool(rows, |row| !self.0.contains_key(&row));
        BooleanArray::new(values, None)
    }

    /// The errors with ordinals and records of the batch that the step was given.
    pub fn finish(self, batch: &Batch) -> Vec<RecordError> {
        let errors = self.0.into_iter().filter(|(row, _)| *row < batch.len());
        errors
            .map(|(row, reason)| RecordError {
                field: reason.field,
                help: reason.help,
                record: record_json(batch.records(), row),
                ..RecordError::new(batch.ordinals().value(row), reason.code, reason.message)
            })
            .collect()
    }
}

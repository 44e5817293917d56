use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter;
use arrow::datatypes::UInt64Type;
use etl_expr::{ExprError, RowError, record_json};
use etl_model::{Batch, BatchError, RecordError};
use etl_sdk::Processed;

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

    /// One row fails.
    pub fn put(&mut self, row: usize, code: &'static str, message: String, field: Option<&str>) {
        self.add(vec![RowError { row, code, message }], field);
    }

    /// The rows of a mask have not failed after all.
    pub fn forget(&mut self, rows: &BooleanBuffer) {
        self.0.retain(|row, _| !rows.value(*row));
    }

    /// Adds later errors; the first of a row stays.
    pub fn merge(&mut self, later: Self) {
        for (row, reason) in later.0 {
            self.0.entry(row).or_insert(reason);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True for the rows that have not failed.
    pub fn sound(&self, rows: usize) -> BooleanArray {
        let values = match self.is_empty() {
            true => BooleanBuffer::new_set(rows),
            false => BooleanBuffer::collect_bool(rows, |row| !self.0.contains_key(&row)),
        };
        BooleanArray::new(values, None)
    }

    /// What became of a batch whose rows a step has turned into as many others: the failed ones are taken out.
    pub fn take_out(self, given: &Batch, made: Batch) -> Result<Processed, BatchError> {
        if self.is_empty() {
            return Ok(Processed { batch: made, filtered: Vec::new(), errors: Vec::new() });
        }
        let sound = made.filter(&self.sound(given.len()))?;
        Ok(Processed { batch: sound, filtered: Vec::new(), errors: self.finish(given) })
    }

    /// What became of a batch of which some rows go on unchanged and the others, unless they have failed, do not.
    pub fn divide(self, batch: Batch, keep: &BooleanArray) -> Result<Processed, BatchError> {
        let sound = self.sound(batch.len());
        let kept = BooleanArray::new(keep.values() & sound.values(), None);
        if kept.true_count() == batch.len() {
            return Ok(Processed { batch, filtered: Vec::new(), errors: Vec::new() });
        }
        let removed = BooleanArray::new(&!keep.values() & sound.values(), None);
        let filtered = filter(batch.ordinals(), &removed)?.as_primitive::<UInt64Type>().values().to_vec();
        Ok(Processed { batch: batch.filter(&kept)?, filtered, errors: self.finish(&batch) })
    }

    /// The errors with ordinals and records of the batch that the step was given.
    pub fn finish(self, batch: &Batch) -> Vec<RecordError> {
        let errors = self.0.into_iter().filter(|(row, _)| *row < batch.len());
        errors
            .map(|(row, reason)| RecordError {
                row: Some(row),
                field: reason.field,
                help: reason.help,
                record: record_json(batch.records(), row),
                ..RecordError::new(batch.ordinals().value(row), reason.code, reason.message)
            })
            .collect()
    }
}

use arrow::array::Array;
use etl_model::{Batch, RecordError};
use rusqlite::ErrorCode;
use rusqlite::ffi;

use super::cells::{Cells, row_to_json, shown};
use super::plan::{Check, Plan};

/// A row that the table does not take.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Index of the column concerned in the batch, if it is one.
    pub(super) column: Option<usize>,
}

impl Refusal {
    /// What SQLite said of a single row; `None` when the error is not the row's.
    pub(super) fn of(error: &rusqlite::Error, batch: &Batch) -> Option<Self> {
        let code = match error.sqlite_error()? {
            ffi::Error { code: ErrorCode::ConstraintViolation, extended_code } => match *extended_code {
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_ROWID => "constraint_unique",
                ffi::SQLITE_CONSTRAINT_PRIMARYKEY => "constraint_primary_key",
                ffi::SQLITE_CONSTRAINT_NOTNULL => "constraint_not_null",
                ffi::SQLITE_CONSTRAINT_CHECK => "constraint_check",
                ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "constraint_foreign_key",
                ffi::SQLITE_CONSTRAINT_TRIGGER => "constraint_trigger",
                ffi::SQLITE_CONSTRAINT_DATATYPE => "type_mismatch",
                _ => "constraint",
            },
            ffi::Error { code: ErrorCode::TypeMismatch, .. } => "type_mismatch",
            ffi::Error { code: ErrorCode::TooBig, .. } => "value_too_large",
            _ => return None,
        };
        let message = error.to_string();
        // "UNIQUE constraint failed: orders.id, orders.day" names the first column.
        let column = batch.schema().fields().iter().position(|field| {
            message.match_indices(field.name().as_str()).any(|(start, name)| {
                let end = message.get(start + name.len()..).unwrap_or_default();
                let begin = message.get(..start).unwrap_or_default();
                begin.ends_with('.') && (end.is_empty() || end.starts_with(", "))
            })
        });
        Some(Self { code, message, column })
    }

    /// A row that a trigger left out without an error.
    pub(super) fn skipped() -> Self {
        let message = "a trigger of the table left the row out".to_owned();
        Self { code: "skipped_by_trigger", message, column: None }
    }

    /// The record error of a row.
    pub(super) fn into_error(self, batch: &Batch, cells: &[Cells<'_>], row: usize) -> RecordError {
        let mut message = self.message;
        let schema = batch.schema();
        let field = self.column.and_then(|column| Some((schema.fields().get(column)?, cells.get(column)?)));
        if let Some((field, cells)) = field {
            message.push_str(&format!(" ({} = {})", field.name(), shown(&cells.to_json(row))));
        }
        let mut error = RecordError::new(batch.ordinals().value(row), self.code, message)
            .with_record(row_to_json(batch.records(), cells, row));
        if let Some((field, _)) = field {
            error = error.with_field(field.name());
        }
        error
    }
}

/// The rows of a batch whose values SQLite would change, or that have no key.
pub(super) fn unfit(batch: &Batch, cells: &[Cells<'_>], plan: &Plan) -> Vec<(usize, Refusal)> {
    let mut refusals = Vec::new();
    for (column, (cells, check)) in cells.iter().zip(&plan.checks).enumerate() {
        let mut refuse = |row, code, message: &str| {
            refusals.push((row, Refusal { code, message: message.to_owned(), column: Some(column) }));
        };
        match (check, cells) {
            (Check::ExactFloat, Cells::Integer(values)) => {
                for (row, value) in values.iter().enumerate() {
                    if value.is_some_and(|value| (value as f64) as i128 != i128::from(value)) {
                        refuse(
                            row,
                            "inexact_number",
                            "the column holds floats, and no float equals this integer",
                        );
                    }
                }
            }
            (Check::NotNumeric, Cells::Text { values, .. }) => {
                for (row, value) in values.iter().enumerate() {
                    if value.is_some_and(reads_as_number) {
                        refuse(row, "text_as_number", "the column would turn this text into a number");
                    }
                }
            }
            _ => {}
        }
        if plan.key.contains(&column) && cells.has_nulls() {
            for row in (0..batch.len()).filter(|&row| cells.is_null(row)) {
                refuse(row, "key_null", "a row to upsert needs a value in every column of the key");
            }
        }
    }
    // One refusal a row: the first column's.
    refusals.sort_by_key(|(row, _)| *row);
    refusals.dedup_by_key(|(row, _)| *row);
    refusals
}

impl Cells<'_> {
    fn has_nulls(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Boolean(values) => values.null_count() > 0,
            Self::Integer(values) => values.null_count() > 0,
            Self::Real(values) => values.null_count() > 0,
            Self::Text { values, .. } => values.null_count() > 0,
            Self::Blob(values) => values.null_count() > 0,
        }
    }
}

/// Whether SQLite takes the text for a number where a column prefers numbers.
fn reads_as_number(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Rust reads `inf` and `nan` as numbers too, SQLite does not.
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.') && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_sqlite_takes_for_a_number_is_known() {
        for number in ["1", " 1 ", "-1.5", "+.5", "1.", "1e5", "00123", "9".repeat(40).as_str()] {
            assert!(reads_as_number(number), "{number}");
        }
        for text in ["", " ", "a", "1a", "0x10", "inf", "nan", "2024-01-01", "{}", "1 2", ".", "-", "e5"] {
            assert!(!reads_as_number(text), "{text}");
        }
    }
}

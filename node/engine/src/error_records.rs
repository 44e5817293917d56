use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, StructArray, UInt32Array, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use etl_model::{Batch, BatchError, RecordError, StepName};
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};
use serde_json::Value;

/// The column that says why a record has failed: `step`, `code`, `message`, and where they are known `field`, `help` and the
/// place in the source as `origin`, `line` and `column`.
pub const ERROR_COLUMN: &str = "_error";
/// The only other column of what a source could not read: its text.
const RECORD: &str = "record";

/// Stands in a pipeline for the errors of the step it reads: the records that fail there leave it as they came to that step,
/// with the column [`ERROR_COLUMN`].
#[derive(Debug, Clone, Copy, Default)]
pub struct ErrorRecords;

impl Processor for ErrorRecords {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn takes_errors(&self) -> bool {
        true
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        Ok(Processed { batch, filtered: Vec::new(), errors: Vec::new() })
    }
}

/// The records that have failed at a step, in their order; `given` is what it was given, or nothing where it is a source and
/// yields them as text.
///
/// # Errors
/// Rows that cannot be put together; a defect.
pub fn error_records(
    step: &StepName,
    given: Option<&Batch>,
    mut errors: Vec<RecordError>,
) -> Result<Batch, ConnectorError> {
    errors.sort_by_key(|error| (error.ordinal, error.row));
    let made = match given {
        Some(given) => of_rows(step, given, &errors),
        None => of_texts(step, &errors),
    };
    let (records, ordinals) = made.map_err(|error| defect(step, error))?;
    Batch::new(records, ordinals).map_err(|error: BatchError| defect(step, error))
}

fn defect(step: &StepName, error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("the errors of `{step}`: {error}"))
}

fn of_rows(
    step: &StepName,
    given: &Batch,
    errors: &[RecordError],
) -> Result<(RecordBatch, UInt64Array), ArrowError> {
    let rows = rows(given, errors);
    let errors: Vec<&RecordError> = rows.iter().map(|(_, error)| *error).collect();
    let rows: UInt32Array = rows.iter().map(|(row, _)| *row).collect::<Vec<u32>>().into();
    let taken = take_record_batch(given.records(), &rows)?;
    let of_record = taken.schema().fields().iter().zip(taken.columns()).map(own).collect::<Vec<_>>();
    let mut columns = of_record;
    columns.retain(|(field, _)| field.name() != ERROR_COLUMN);
    columns.push(why(step, &errors)?);
    let ordinals: UInt64Array = errors.iter().map(|error| error.ordinal).collect::<Vec<u64>>().into();
    Ok((batch(columns)?, ordinals))
}

fn own((field, column): (&Arc<Field>, &ArrayRef)) -> (Arc<Field>, ArrayRef) {
    (Arc::clone(field), Arc::clone(column))
}

/// The row of every error: the one it names, or the next one of its ordinal.
fn rows<'e>(given: &Batch, errors: &'e [RecordError]) -> Vec<(u32, &'e RecordError)> {
    let mut of_ordinal: HashMap<u64, Vec<usize>> = HashMap::new();
    if errors.iter().any(|error| error.row.is_none()) {
        for (row, ordinal) in given.ordinals().values().iter().enumerate().rev() {
            of_ordinal.entry(*ordinal).or_default().push(row);
        }
    }
    let row = |error: &RecordError, of_ordinal: &mut HashMap<u64, Vec<usize>>| {
        let found = error.row.or_else(|| of_ordinal.get_mut(&error.ordinal)?.pop())?;
        u32::try_from(found).ok().filter(|_| found < given.len())
    };
    errors.iter().filter_map(|error| Some((row(error, &mut of_ordinal)?, error))).collect()
}

fn of_texts(step: &StepName, errors: &[RecordError]) -> Result<(RecordBatch, UInt64Array), ArrowError> {
    let text = |error: &RecordError| match &error.record {
        Value::Null => None,
        Value::String(raw) => Some(raw.clone()),
        record => Some(record.to_string()),
    };
    let texts: StringArray = errors.iter().map(text).collect();
    let of_error = errors.iter().collect::<Vec<_>>();
    let record = (Arc::new(Field::new(RECORD, texts.data_type().clone(), true)), Arc::new(texts) as ArrayRef);
    let ordinals: UInt64Array = errors.iter().map(|error| error.ordinal).collect::<Vec<u64>>().into();
    Ok((batch(vec![record, why(step, &of_error)?])?, ordinals))
}

fn batch(columns: Vec<(Arc<Field>, ArrayRef)>) -> Result<RecordBatch, ArrowError> {
    let (fields, columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The column that says why.
fn why(step: &StepName, errors: &[&RecordError]) -> Result<(Arc<Field>, ArrayRef), ArrowError> {
    let texts = |of: &dyn Fn(&RecordError) -> Option<String>| -> ArrayRef {
        Arc::new(errors.iter().map(|error| of(error)).collect::<StringArray>())
    };
    let numbers = |of: &dyn Fn(&RecordError) -> Option<u64>| -> ArrayRef {
        Arc::new(errors.iter().map(|error| of(error)).collect::<UInt64Array>())
    };
    let columns = [
        ("step", texts(&|_| Some(step.to_string()))),
        ("code", texts(&|error| Some(error.code.clone()))),
        ("message", texts(&|error| Some(error.message.clone()))),
        ("field", texts(&|error| error.field.clone())),
        ("help", texts(&|error| error.help.clone())),
        ("origin", texts(&|error| error.location.as_ref().map(|at| at.origin.clone()))),
        ("line", numbers(&|error| error.location.as_ref()?.line)),
        ("column", numbers(&|error| error.location.as_ref()?.column)),
    ];
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns
        .into_iter()
        .map(|(name, column)| (Field::new(name, column.data_type().clone(), true), column))
        .unzip();
    let column = StructArray::try_new(fields.into(), columns, None)?;
    Ok((Arc::new(Field::new(ERROR_COLUMN, column.data_type().clone(), false)), Arc::new(column)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Int64Type, UInt64Type};
    use etl_model::SourceLocation;

    use super::*;

    fn step() -> StepName {
        StepName::new("parse").unwrap()
    }

    fn column<'b>(batch: &'b Batch, name: &str) -> &'b ArrayRef {
        batch.records().column_by_name(ERROR_COLUMN).unwrap().as_struct().column_by_name(name).unwrap()
    }

    #[test]
    fn rows_are_those_that_have_failed_also_where_ordinals_repeat() {
        let values = Arc::new(Int64Array::from(vec![10, 11, 12, 13, 14])) as ArrayRef;
        let old = Arc::new(StringArray::from(vec!["old"; 5])) as ArrayRef;
        let records = RecordBatch::try_from_iter([("n", values), (ERROR_COLUMN, old)]).unwrap();
        let given = Batch::new(records, vec![7, 8, 8, 8, 9].into()).unwrap();
        let error = |ordinal, row| RecordError { row, ..RecordError::new(ordinal, "bad", "is bad") };
        let found = |errors| {
            let made = error_records(&step(), Some(&given), errors).unwrap();
            let values = made.records().column(0).as_primitive::<Int64Type>().values().to_vec();
            assert_eq!(made.records().num_columns(), 2, "an older `_error` is replaced");
            assert_eq!(column(&made, "code").as_string::<i32>().value(0), "bad");
            (values, made.ordinals().values().to_vec())
        };
        assert_eq!(found(vec![error(9, None), error(8, Some(2))]), (vec![12, 14], vec![8, 9]));
        assert_eq!(found(vec![error(8, None), error(8, None)]), (vec![11, 12], vec![8, 8]));
    }

    #[test]
    fn what_a_source_cannot_read_is_text_with_its_place() {
        let at = SourceLocation { origin: "a.csv".to_owned(), line: Some(3), column: None };
        let error = RecordError::new(2, "csv_quote", "ends too early").with_record("1,\"x".into());
        let errors = vec![error.with_location(at), RecordError::new(5, "csv_quote", "concealed")];
        let made = error_records(&step(), None, errors).unwrap();
        let texts = made.records().column_by_name("record").unwrap().as_string::<i32>();
        assert_eq!((texts.value(0), texts.is_null(1)), ("1,\"x", true));
        assert_eq!(made.records().schema().field(0).data_type(), &DataType::Utf8);
        assert_eq!(column(&made, "origin").as_string::<i32>().value(0), "a.csv");
        let lines = column(&made, "line").as_primitive::<UInt64Type>();
        assert_eq!((lines.value(0), lines.is_null(1)), (3, true));
        assert_eq!(made.ordinals().values(), &[2, 5]);
    }
}

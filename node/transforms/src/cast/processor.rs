use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, Schema, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use etl_expr::record_json;
use etl_model::{Batch, is_json};
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use super::config::{CastRules, FieldType, OnFailure};
use super::convert::{Failure, convert};
use super::quick;
use super::target::Target;
use super::values::{self, Value};
use crate::cells::{Cell, Cells};
use crate::column_text::ColumnText;
use crate::record_errors::RecordErrors;
use crate::unfit::Unfit;

/// A configured cast.
pub(super) struct CastProcessor {
    rules: CastRules,
}

impl CastProcessor {
    pub fn new(rules: CastRules) -> Self {
        Self { rules }
    }

    fn missing(&self, schema: &Schema) -> Option<Unfit> {
        let mut required = self.rules.0.iter().filter(|(_, field_type)| !field_type.optional);
        required.find(|(path, _)| path.find(schema).is_none()).map(|(path, _)| Unfit::missing(path.text()))
    }

    fn records(&self, given: &RecordBatch, errors: &mut RecordErrors) -> Result<RecordBatch, ArrowError> {
        let mut records = given.clone();
        for (path, to) in &self.rules.0 {
            let Some(place) = path.find(&records.schema()) else { continue };
            let column = place.values(&records)?;
            let made = cast_column(&column, place.field(), to, path.text(), errors)?;
            let field = Arc::new(to.target.field(place.field().name()));
            records = place.replace(&records, Some((field, made)))?;
        }
        Ok(records)
    }
}

/// A column in another type. Rows that do not fit and are to fail are null and added to `errors`.
fn cast_column(
    column: &ArrayRef,
    field: &Field,
    to: &FieldType,
    path: &str,
    errors: &mut RecordErrors,
) -> Result<ArrayRef, ArrowError> {
    match to.target {
        Target::String => {
            let Some(texts) = ColumnText::of(column, field)? else {
                let cells = Cells::new(column, field)?;
                return cast_cells((0..column.len()).map(|row| cells.get(row)), to, path, errors);
            };
            if texts.errors.is_empty() {
                return Ok(Arc::new(texts.values));
            }
            let mut failed = texts.errors.into_iter().peekable();
            let mut value = |row| {
                let failure = failed.next_if(|error| error.row == row);
                match failure.map(|error| Failure::new(error.code, error.message)) {
                    Some(failure) => settle(Err(failure), row, to, path, errors),
                    None => {
                        texts.values.is_valid(row).then(|| Value::String(texts.values.value(row).to_owned()))
                    }
                }
            };
            values::column((0..column.len()).map(&mut value).collect(), to.target)
        }
        Target::Json if is_json(field) => cast(column, &DataType::Utf8),
        Target::Json if !is_text(field.data_type()) => json(column, field),
        _ => {
            let cells = Cells::new(column, field)?;
            cast_cells((0..column.len()).map(|row| cells.get(row)), to, path, errors)
        }
    }
}

/// Values in another type, one per row; those that do not fit and are to fail are null and added to `errors`.
pub(crate) fn cast_cells<'a>(
    cells: impl Iterator<Item = Cell<'a>>,
    to: &FieldType,
    path: &str,
    errors: &mut RecordErrors,
) -> Result<ArrayRef, ArrowError> {
    let mut long = |row, cell| settle(convert(cell, to), row, to, path, errors);
    macro_rules! column {
        ($type:ty, $quick:expr, $variant:ident) => {
            values::primitive::<$type>(cells, $quick, |row, cell| match long(row, cell) {
                Some(Value::$variant(value)) => Some(value),
                _ => None,
            })
        };
    }
    Ok(match to.target {
        Target::Int => Arc::new(column!(Int64Type, quick::int, Int)),
        Target::Float => Arc::new(column!(Float64Type, quick::float, Float)),
        Target::Decimal(precision, scale) => {
            let quick = |cell| quick::decimal(cell, precision, scale);
            let column = column!(Decimal128Type, quick, Decimal);
            Arc::new(column.with_precision_and_scale(precision, scale)?)
        }
        Target::Date if to.moments.is_standard() => Arc::new(column!(Date32Type, quick::date, Date)),
        Target::Timestamp if to.moments.is_standard() => {
            Arc::new(column!(TimestampMicrosecondType, quick::timestamp, Timestamp).with_timezone("+00:00"))
        }
        Target::String => Arc::new(values::texts(cells, long)),
        target => values::column(cells.enumerate().map(|(row, cell)| long(row, cell)).collect(), target)?,
    })
}

/// What stands for a value that does not fit.
fn settle(
    value: Result<Option<Value>, Failure>,
    row: usize,
    to: &FieldType,
    path: &str,
    errors: &mut RecordErrors,
) -> Option<Value> {
    match (value, &to.on_failure) {
        (Ok(value), _) => value,
        (Err(_), OnFailure::Null) => None,
        (Err(_), OnFailure::Default(value)) => Some(value.clone()),
        (Err(failure), OnFailure::Error) => {
            errors.put(row, failure.code, failure.message, Some(path));
            None
        }
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Each value as a JSON document.
fn json(column: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    let schema = Schema::new(vec![field.clone().with_name("value").with_nullable(true)]);
    let records = RecordBatch::try_new(Arc::new(schema), vec![column.clone()])?;
    let nulls = column.logical_nulls();
    let document = |row| {
        let present = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        present.then(|| record_json(&records, row)["value"].to_string())
    };
    let documents: StringArray = (0..column.len()).map(document).collect();
    Ok(Arc::new(documents))
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("cast: {error}"))
}

impl Processor for CastProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        if let Some(unfit) = self.missing(&batch.schema()) {
            return Ok(unfit.refuse(&batch));
        }
        let mut errors = RecordErrors::default();
        let records = self.records(batch.records(), &mut errors).map_err(internal)?;
        let made = batch.clone().with_records(records).map_err(internal)?;
        errors.take_out(&batch, made).map_err(internal)
    }
}

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};
use etl_model::json_field;

use super::nested;
use crate::SqliteError;

/// A value that SQLite cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CellFault {
    pub(super) row: usize,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// The value as text, for the record.
    pub(super) shown: String,
}

/// A column converted to one of the types that SQLite stores, and the values that could not be.
pub(super) struct Stored {
    pub(super) field: FieldRef,
    pub(super) values: ArrayRef,
    pub(super) faults: Vec<CellFault>,
}

/// Converts a column to null, boolean, 64-bit integer, 64-bit float, text or bytes.
pub(super) fn store(field: &FieldRef, values: &ArrayRef) -> Result<Stored, SqliteError> {
    let keep = |values: ArrayRef| Stored {
        field: Arc::new(
            Field::new(field.name(), values.data_type().clone(), true)
                .with_metadata(field.metadata().clone()),
        ),
        values,
        faults: Vec::new(),
    };
    Ok(match field.data_type() {
        DataType::Null | DataType::Boolean | DataType::Int64 | DataType::Utf8 | DataType::Binary => {
            keep(values.clone())
        }
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => keep(cast(field, values, &DataType::Int64)?),
        DataType::UInt64 => unsigned(field, values),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let values = cast(field, values, &DataType::Float64)?;
            let faults = not_a_number(field, &values);
            Stored { faults, ..keep(values) }
        }
        DataType::LargeUtf8 | DataType::Utf8View => keep(cast(field, values, &DataType::Utf8)?),
        DataType::LargeBinary | DataType::FixedSizeBinary(_) | DataType::BinaryView => {
            keep(cast(field, values, &DataType::Binary)?)
        }
        DataType::Dictionary(_, plain) => {
            let plain_field = Arc::new(field.as_ref().clone().with_data_type(plain.as_ref().clone()));
            return store(&plain_field, &cast(field, values, plain)?);
        }
        DataType::RunEndEncoded(_, plain) => {
            let plain_field = Arc::new(field.as_ref().clone().with_data_type(plain.data_type().clone()));
            return store(&plain_field, &cast(field, values, plain.data_type())?);
        }
        DataType::Timestamp(unit, Some(_)) => formatted(field, &in_utc(*unit, values))?,
        DataType::Timestamp(_, None)
        | DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => formatted(field, values)?,
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..) => {
            let (texts, faults) = nested::to_json(field, values)?;
            Stored { field: Arc::new(json_field(field.name(), true)), values: Arc::new(texts), faults }
        }
        other => {
            return Err(SqliteError::user(
                "unsupported_column",
                format!("column `{}` of type {other} cannot be stored in SQLite", field.name()),
                "leave the column out or convert it with a mapping",
            ));
        }
    })
}

/// Casts that cannot fail for single values.
fn cast(field: &Field, values: &ArrayRef, to: &DataType) -> Result<ArrayRef, SqliteError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(values, to, &options).map_err(|error| broken(field, &error))
}

fn broken(field: &Field, error: &ArrowError) -> SqliteError {
    SqliteError::Impossible(format!("column `{}`: {error}", field.name()))
}

fn unsigned(field: &Field, values: &ArrayRef) -> Stored {
    let mut faults = Vec::new();
    let values: Int64Array = values
        .as_primitive::<UInt64Type>()
        .iter()
        .enumerate()
        .map(|(row, value)| {
            let value = value?;
            let signed = i64::try_from(value);
            if signed.is_err() {
                faults.push(CellFault {
                    row,
                    code: "integer_too_large",
                    message: format!(
                        "column `{}`: {value} is above {}, the largest integer of SQLite",
                        field.name(),
                        i64::MAX
                    ),
                    shown: value.to_string(),
                });
            }
            signed.ok()
        })
        .collect();
    let field = Field::new(field.name(), DataType::Int64, true);
    Stored { field: Arc::new(field), values: Arc::new(values), faults }
}

fn not_a_number(field: &Field, values: &ArrayRef) -> Vec<CellFault> {
    let values = values.as_primitive::<Float64Type>();
    // The common case without looking at nulls: their slots hold anything.
    if !values.values().iter().any(|value| value.is_nan()) {
        return Vec::new();
    }
    let fault = |row| CellFault {
        row,
        code: "not_a_number",
        message: format!("column `{}`: SQLite has no NaN and would store null", field.name()),
        shown: "NaN".to_owned(),
    };
    values
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_some_and(f64::is_nan))
        .map(|(row, _)| fault(row))
        .collect()
}

/// The same instants, named in UTC; needs no time zone database.
fn in_utc(unit: TimeUnit, values: &ArrayRef) -> ArrayRef {
    const UTC: &str = "+00:00";
    match unit {
        TimeUnit::Second => Arc::new(values.as_primitive::<TimestampSecondType>().clone().with_timezone(UTC)),
        TimeUnit::Millisecond => {
            Arc::new(values.as_primitive::<TimestampMillisecondType>().clone().with_timezone(UTC))
        }
        TimeUnit::Microsecond => {
            Arc::new(values.as_primitive::<TimestampMicrosecondType>().clone().with_timezone(UTC))
        }
        TimeUnit::Nanosecond => {
            Arc::new(values.as_primitive::<TimestampNanosecondType>().clone().with_timezone(UTC))
        }
    }
}

/// Dates and times as ISO 8601, timestamps as RFC 3339, decimals with all their digits.
fn formatted(field: &Field, values: &ArrayRef) -> Result<Stored, SqliteError> {
    let options =
        FormatOptions::new().with_display_error(false).with_duration_format(DurationFormat::ISO8601);
    let formatter = ArrayFormatter::try_new(values, &options).map_err(|error| broken(field, &error))?;
    let mut texts = StringBuilder::with_capacity(values.len(), values.len() * 24);
    let mut text = String::new();
    let mut faults = Vec::new();
    for row in 0..values.len() {
        if values.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        match formatter.value(row).write(&mut text) {
            Ok(()) => texts.append_value(&text),
            Err(error) => {
                texts.append_null();
                let mut message = format!("column `{}`: ", field.name());
                // Writing to a string cannot fail.
                let _ = write!(message, "the {} has no text form: {error}", field.data_type());
                faults.push(CellFault { row, code: "out_of_range", message, shown: error.to_string() });
            }
        }
    }
    let field = Field::new(field.name(), DataType::Utf8, true);
    Ok(Stored { field: Arc::new(field), values: Arc::new(texts.finish()), faults })
}

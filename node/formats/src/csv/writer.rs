use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, Int64Array, LargeBinaryArray,
    LargeStringArray, RecordBatch, StringArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, TimeUnit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::FormatError;

/// A column brought into one of the few forms that are written.
pub(super) struct Writer {
    nulls: Option<NullBuffer>,
    form: Form,
}

enum Form {
    Null,
    Boolean(BooleanArray),
    Int(Int64Array),
    Uint(UInt64Array),
    Float(Float64Array),
    /// Kept apart, since a 32-bit float has fewer digits.
    ShortFloat(Float32Array),
    Text(StringArray),
    LargeText(LargeStringArray),
    /// Numbers and times, already as text.
    Plain(StringArray),
    /// Timestamps in UTC, as text without an offset.
    Instant(StringArray),
    Binary(LargeBinaryArray),
    /// One column, written as JSON.
    Nested(RecordBatch),
}

/// What a writer has appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written<'a> {
    /// Nothing: the value is null.
    Null,
    /// Nothing yet: this text, which may need quotes.
    Text(&'a [u8]),
    /// Text of numbers, letters and `+-.:/= ` only.
    Plain,
    /// Text that may need quotes.
    Json,
}

impl Writer {
    pub(super) fn new(field: &Field, array: &ArrayRef) -> Result<Self, FormatError> {
        let unsupported = || FormatError::Unsupported {
            format: "csv",
            column: field.name().clone(),
            data_type: array.data_type().to_string(),
        };
        // A cast that fails must not become a null.
        let cast = |array: &dyn Array, data_type: &DataType| {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(array, data_type, &options)
        };
        let form = match array.data_type() {
            DataType::Null => Form::Null,
            DataType::Boolean => Form::Boolean(array.as_boolean().clone()),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                Form::Int(cast(array, &DataType::Int64)?.as_primitive().clone())
            }
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                Form::Uint(cast(array, &DataType::UInt64)?.as_primitive().clone())
            }
            DataType::Float16 | DataType::Float32 => {
                Form::ShortFloat(cast(array, &DataType::Float32)?.as_primitive().clone())
            }
            DataType::Float64 => Form::Float(array.as_primitive().clone()),
            DataType::Utf8 => Form::Text(array.as_string().clone()),
            DataType::LargeUtf8 | DataType::Utf8View => {
                Form::LargeText(cast(array, &DataType::LargeUtf8)?.as_string().clone())
            }
            DataType::Timestamp(unit, Some(_)) => {
                // Written in UTC: an offset could not be had for a zone by name without its rules.
                let utc = cast(&cast(array, &DataType::Int64)?, &DataType::Timestamp(*unit, None))?;
                Form::Instant(cast(&utc, &DataType::Utf8)?.as_string().clone())
            }
            DataType::Timestamp(_, None)
            | DataType::Date32
            | DataType::Date64
            | DataType::Time32(TimeUnit::Second | TimeUnit::Millisecond)
            | DataType::Time64(TimeUnit::Microsecond | TimeUnit::Nanosecond)
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Form::Plain(cast(array, &DataType::Utf8)?.as_string().clone()),
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => {
                Form::Binary(cast(array, &DataType::LargeBinary)?.as_binary().clone())
            }
            DataType::Dictionary(_, values) => {
                return Self::new(field, &cast(array, values)?);
            }
            DataType::Struct(_)
            | DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::Map(..) => {
                let schema = arrow::datatypes::Schema::new(vec![field.clone()]);
                Form::Nested(RecordBatch::try_new(Arc::new(schema), vec![Arc::clone(array)])?)
            }
            _ => return Err(unsupported()),
        };
        Ok(Self { nulls: array.logical_nulls(), form })
    }

    /// Whether a quoted empty field is an empty text to a reader of this column.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.form, Form::Text(_) | Form::LargeText(_) | Form::Binary(_) | Form::Null)
    }

    /// Appends the row's value, or hands back its text.
    #[inline]
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Written<'_> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Written::Null;
        }
        match &self.form {
            Form::Null => return Written::Null,
            Form::Boolean(array) => {
                out.extend_from_slice(if array.value(row) { b"true" } else { b"false" });
            }
            Form::Int(array) => {
                out.extend_from_slice(itoa::Buffer::new().format(array.value(row)).as_bytes())
            }
            Form::Uint(array) => {
                out.extend_from_slice(itoa::Buffer::new().format(array.value(row)).as_bytes())
            }
            Form::Float(array) => {
                out.extend_from_slice(zmij::Buffer::new().format(array.value(row)).as_bytes())
            }
            Form::ShortFloat(array) => {
                out.extend_from_slice(zmij::Buffer::new().format(array.value(row)).as_bytes());
            }
            Form::Text(array) => return Written::Text(array.value(row).as_bytes()),
            Form::LargeText(array) => return Written::Text(array.value(row).as_bytes()),
            Form::Plain(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Form::Instant(array) => {
                out.extend_from_slice(array.value(row).as_bytes());
                out.push(b'Z');
            }
            Form::Binary(array) => out.extend_from_slice(STANDARD.encode(array.value(row)).as_bytes()),
            Form::Nested(records) => {
                let record = crate::json::row_to_value(records, row);
                let value = record.as_object().and_then(|object| object.values().next());
                out.extend_from_slice(value.map(ToString::to_string).unwrap_or_default().as_bytes());
                return Written::Json;
            }
        }
        Written::Plain
    }
}

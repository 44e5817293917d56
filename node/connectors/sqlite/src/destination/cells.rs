use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use etl_model::is_json;
use rusqlite::Statement;
use rusqlite::types::Null;
use serde_json::Value;

use crate::SqliteError;

/// A column in the form in which SQLite takes it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cells<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Integer(&'a Int64Array),
    Real(&'a Float64Array),
    Text { values: &'a StringArray, json: bool },
    Blob(&'a BinaryArray),
}

impl<'a> Cells<'a> {
    /// Column `index` of an encoded batch.
    pub(super) fn of(batch: &'a RecordBatch, index: usize) -> Result<Self, SqliteError> {
        let column = batch.column(index);
        Ok(match column.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(column.as_boolean()),
            DataType::Int64 => Self::Integer(column.as_primitive::<Int64Type>()),
            DataType::Float64 => Self::Real(column.as_primitive::<Float64Type>()),
            DataType::Utf8 => Self::Text {
                values: column.as_string::<i32>(),
                json: is_json(batch.schema_ref().field(index)),
            },
            DataType::Binary => Self::Blob(column.as_binary::<i32>()),
            other => {
                return Err(SqliteError::Impossible(format!("a column of type {other} was not encoded")));
            }
        })
    }

    /// All columns of an encoded batch.
    pub(super) fn all(batch: &'a RecordBatch) -> Result<Vec<Self>, SqliteError> {
        (0..batch.num_columns()).map(|index| Self::of(batch, index)).collect()
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Null => true,
            Self::Boolean(values) => values.is_null(row),
            Self::Integer(values) => values.is_null(row),
            Self::Real(values) => values.is_null(row),
            Self::Text { values, .. } => values.is_null(row),
            Self::Blob(values) => values.is_null(row),
        }
    }

    /// Binds the value of a row to a parameter, counted from 1.
    #[inline]
    pub(super) fn bind(
        &self,
        row: usize,
        statement: &mut Statement<'_>,
        parameter: usize,
    ) -> rusqlite::Result<()> {
        if self.is_null(row) {
            return statement.raw_bind_parameter(parameter, Null);
        }
        match self {
            Self::Null => statement.raw_bind_parameter(parameter, Null),
            Self::Boolean(values) => statement.raw_bind_parameter(parameter, values.value(row)),
            Self::Integer(values) => statement.raw_bind_parameter(parameter, values.value(row)),
            Self::Real(values) => statement.raw_bind_parameter(parameter, values.value(row)),
            Self::Text { values, .. } => statement.raw_bind_parameter(parameter, values.value(row)),
            Self::Blob(values) => statement.raw_bind_parameter(parameter, values.value(row)),
        }
    }

    /// The value as JSON, for the dead letters. Bytes become hexadecimal digits.
    pub(super) fn to_json(self, row: usize) -> Value {
        if self.is_null(row) {
            return Value::Null;
        }
        match self {
            Self::Null => Value::Null,
            Self::Boolean(values) => Value::from(values.value(row)),
            Self::Integer(values) => Value::from(values.value(row)),
            Self::Real(values) => {
                let value = values.value(row);
                serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number)
            }
            Self::Text { values, json: true } => {
                let text = values.value(row);
                serde_json::from_str(text).unwrap_or_else(|_| text.into())
            }
            Self::Text { values, .. } => Value::from(values.value(row)),
            Self::Blob(values) => {
                values.value(row).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
            }
        }
    }
}

/// A row as a JSON object.
pub(super) fn row_to_json(batch: &RecordBatch, cells: &[Cells<'_>], row: usize) -> Value {
    let schema = batch.schema_ref();
    let fields = schema.fields().iter().zip(cells);
    Value::Object(fields.map(|(field, cells)| (field.name().clone(), cells.to_json(row))).collect())
}

/// A value for a message, cut to 100 characters.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

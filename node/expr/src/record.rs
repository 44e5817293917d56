use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::arrow_value;
use crate::json;
use crate::value::Value;

/// One row as a JSON object, for error reports and dead letters. Total: what JSON cannot express (NaN, decimals,
/// times without a date) stands as text, bytes as base64, JSON columns as the documents they hold.
pub fn record_json(batch: &RecordBatch, row: usize) -> serde_json::Value {
    if row >= batch.num_rows() {
        return serde_json::Value::Null;
    }
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(batch.columns());
    serde_json::Value::Object(
        fields.map(|(field, column)| (field.name().clone(), cell(&column.slice(row, 1), field))).collect(),
    )
}

fn cell(array: &ArrayRef, field: &Field) -> serde_json::Value {
    if array.is_null(0) {
        return serde_json::Value::Null;
    }
    let exact = !matches!(
        array.data_type(),
        DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
    );
    let value = arrow_value::values(array, field).pop().unwrap_or(Ok(Value::Null));
    match value.and_then(|value| json::to_json(&value)) {
        Ok(json) if exact => json,
        _ => as_text(array).map_or(serde_json::Value::Null, serde_json::Value::String),
    }
}

fn as_text(array: &ArrayRef) -> Option<String> {
    let formatter = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default()).ok()?;
    formatter.value(0).try_to_string().ok()
}

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::failure::invalid;
use crate::FormatError;

/// The rows in the file's columns. Nothing is left out or changed: what does not fit is an error.
pub(super) fn conform(records: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, FormatError> {
    let given = records.schema();
    if let Some(field) = given.fields().iter().find(|field| schema.column_with_name(field.name()).is_none()) {
        return Err(invalid(format!(
            "the column `{}` appears in later rows only, and a Parquet file has the columns of its first rows; declare \
             it under `schema`, or drop it with a `map` step",
            field.name()
        )));
    }
    let arrays = schema.fields().iter().map(|field| match given.column_with_name(field.name()) {
        Some((index, from)) => column(records, index, from, field),
        None if field.is_nullable() => Ok(new_null_array(field.data_type(), records.num_rows())),
        None => Err(invalid(format!(
            "the column `{}` is missing in later rows and must not be null",
            field.name()
        ))),
    });
    let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

fn column(records: &RecordBatch, index: usize, from: &Field, to: &Field) -> Result<ArrayRef, FormatError> {
    let array = records.column(index);
    let (from_json, to_json) = (etl_model::is_json(from), etl_model::is_json(to));
    let converted = if from.data_type() == to.data_type() && from_json == to_json {
        Some(Arc::clone(array))
    } else if array.null_count() == array.len() {
        Some(new_null_array(to.data_type(), array.len()))
    } else if to_json && *to.data_type() == DataType::Utf8 {
        Some(documents(records, index, from)?)
    } else if from_json {
        None
    } else {
        lossless(array, to.data_type())
    };
    let fault = match converted {
        Some(array) if to.is_nullable() || array.null_count() == 0 => return Ok(array),
        Some(_) => "holds null in later rows, which this file's column must not".to_owned(),
        None => {
            let name =
                |field: &Field, json| if json { "JSON".to_owned() } else { field.data_type().to_string() };
            format!("is {} in later rows and {} in the first ones", name(from, from_json), name(to, to_json))
        }
    };
    Err(invalid(format!(
        "the column `{}` {fault}; declare its type under `schema`, or convert it with a `map` step",
        to.name()
    )))
}

/// The values as JSON documents.
fn documents(records: &RecordBatch, index: usize, from: &Field) -> Result<ArrayRef, FormatError> {
    let schema = Arc::new(Schema::new(vec![from.clone()]));
    let single = RecordBatch::try_new(schema, vec![Arc::clone(records.column(index))])?;
    let values = (0..single.num_rows()).map(|row| {
        let record = crate::json::row_to_value(&single, row);
        let value = record.as_object().and_then(|object| object.values().next())?;
        (!value.is_null()).then(|| value.to_string())
    });
    Ok(Arc::new(values.collect::<StringArray>()))
}

/// The array in another type if every value survives the way there and back.
fn lossless(array: &ArrayRef, to: &DataType) -> Option<ArrayRef> {
    let text =
        |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let plain = |data_type: &DataType| match data_type {
        DataType::Dictionary(_, values) => DataType::clone(values),
        other => other.clone(),
    };
    let from = plain(array.data_type());
    let same_kind = from.is_numeric() && to.is_numeric()
        || text(&from) && text(to)
        || matches!((&from, to), (DataType::Timestamp(_, a), DataType::Timestamp(_, b)) if a == b)
        || from == *to;
    if !same_kind {
        return None;
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let there = cast_with_options(array, to, &options).ok()?;
    let back = cast_with_options(&there, array.data_type(), &options).ok()?;
    (back.to_data() == array.to_data()).then_some(there)
}

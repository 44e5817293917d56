use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{DataType, FieldRef, Float16Type, Float32Type, Float64Type};
use arrow::json::writer::{EncoderOptions, make_encoder};

use super::storage::CellFault;
use crate::SqliteError;

/// Lists, structs and maps as JSON text; null stays null.
pub(super) fn to_json(
    field: &FieldRef,
    values: &ArrayRef,
) -> Result<(StringArray, Vec<CellFault>), SqliteError> {
    let broken = |message: String| SqliteError::Impossible(format!("column `{}`: {message}", field.name()));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(field, values, &options).map_err(|error| broken(error.to_string()))?;
    let may_hide_nan = has_floats(values.data_type());
    let mut texts = StringBuilder::with_capacity(values.len(), values.len() * 32);
    let mut faults = Vec::new();
    let mut bytes = Vec::new();
    for row in 0..values.len() {
        if values.is_null(row) {
            texts.append_null();
            continue;
        }
        if may_hide_nan && has_non_finite(&values.slice(row, 1)) {
            texts.append_null();
            faults.push(CellFault {
                row,
                code: "not_a_number",
                message: format!("column `{}`: JSON has no NaN and no infinity", field.name()),
                shown: "a value with NaN or infinity inside".to_owned(),
            });
            continue;
        }
        bytes.clear();
        encoder.encode(row, &mut bytes);
        texts.append_value(std::str::from_utf8(&bytes).map_err(|error| broken(error.to_string()))?);
    }
    Ok((texts.finish(), faults))
}

fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => true,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => has_floats(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        DataType::Dictionary(_, values) => has_floats(values),
        _ => false,
    }
}

/// Whether a value that counts (not below a null) is NaN or infinite; the JSON encoder would write null for it.
fn has_non_finite(values: &dyn Array) -> bool {
    match values.data_type() {
        DataType::Float64 => {
            values.as_primitive::<Float64Type>().iter().flatten().any(|value| !value.is_finite())
        }
        DataType::Float32 => {
            values.as_primitive::<Float32Type>().iter().flatten().any(|value| !value.is_finite())
        }
        DataType::Float16 => {
            values.as_primitive::<Float16Type>().iter().flatten().any(|value| !value.is_finite())
        }
        DataType::Struct(_) => {
            let rows = values.as_struct();
            // Row by row, since a null struct may have anything in its columns.
            (0..rows.len())
                .filter(|&row| rows.is_valid(row))
                .any(|row| rows.columns().iter().any(|column| has_non_finite(&column.slice(row, 1))))
        }
        DataType::List(_) => values.as_list::<i32>().iter().flatten().any(|items| has_non_finite(&items)),
        DataType::LargeList(_) => {
            values.as_list::<i64>().iter().flatten().any(|items| has_non_finite(&items))
        }
        DataType::FixedSizeList(..) => {
            values.as_fixed_size_list().iter().flatten().any(|items| has_non_finite(&items))
        }
        DataType::Map(..) => values.as_map().iter().flatten().any(|entries| has_non_finite(&entries)),
        DataType::Dictionary(_, of) => {
            arrow::compute::cast(&values.slice(0, values.len()), of).is_ok_and(|plain| has_non_finite(&plain))
        }
        _ => false,
    }
}

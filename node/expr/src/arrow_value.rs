//! Dynamic values out of Arrow columns of any type.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field};

use crate::failure::Failure;
use crate::value::Value;
use crate::vector::{Data, load};

/// The value of every row, null where the row is null. `field` describes the column.
pub(crate) fn values(array: &ArrayRef, field: &Field) -> Vec<Result<Value, Failure>> {
    let rows = 0..array.len();
    match array.data_type() {
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let mut columns: Vec<_> = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| (field, values(column, field).into_iter()))
                .collect();
            rows.map(|row| {
                let entries: Result<Vec<_>, Failure> = columns
                    .iter_mut()
                    .map(|(field, column)| {
                        let value = column.next().unwrap_or(Ok(Value::Null))?;
                        Ok((Value::string(field.name().as_str()), value))
                    })
                    .collect();
                if array.is_null(row) { Ok(Value::Null) } else { Ok(Value::Map(entries?.into())) }
            })
            .collect()
        }
        DataType::List(item) => {
            let lists = array.as_list::<i32>();
            rows.map(|row| if lists.is_null(row) { Ok(Value::Null) } else { list(&lists.value(row), item) })
                .collect()
        }
        DataType::LargeList(item) => {
            let lists = array.as_list::<i64>();
            rows.map(|row| if lists.is_null(row) { Ok(Value::Null) } else { list(&lists.value(row), item) })
                .collect()
        }
        DataType::FixedSizeList(item, _) => {
            let lists = array.as_fixed_size_list();
            rows.map(|row| if lists.is_null(row) { Ok(Value::Null) } else { list(&lists.value(row), item) })
                .collect()
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            rows.map(|row| if maps.is_null(row) { Ok(Value::Null) } else { map(&maps.value(row)) }).collect()
        }
        _ => match load(array, field) {
            Ok((Data::Nested { .. }, _)) => rows
                .map(|row| if array.is_null(row) { Ok(Value::Null) } else { Err(unsupported(array)) })
                .collect(),
            Ok((data, failures)) => rows
                .map(|row| failures.get(row).map_or_else(|| data.value(row), |failure| Err(failure.clone())))
                .collect(),
            Err(failure) => rows.map(|_| Err(failure.clone())).collect(),
        },
    }
}

fn unsupported(array: &ArrayRef) -> Failure {
    Failure::new("unsupported_type", format!("expressions cannot use values of type {}", array.data_type()))
}

fn list(items: &ArrayRef, item: &Field) -> Result<Value, Failure> {
    let values: Vec<_> = values(items, item).into_iter().collect::<Result<_, Failure>>()?;
    Ok(Value::List(values.into()))
}

fn map(entries: &arrow::array::StructArray) -> Result<Value, Failure> {
    let [keys, items] = entries.columns() else { return Ok(Value::Null) };
    let [key, item] = &entries.fields()[..] else { return Ok(Value::Null) };
    let pairs = values(keys, key).into_iter().zip(values(items, item));
    let entries: Vec<_> = pairs.map(|(key, value)| Ok((key?, value?))).collect::<Result<_, Failure>>()?;
    Ok(Value::Map(entries.into()))
}

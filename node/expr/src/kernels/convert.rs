use std::fmt::Write;

use arrow::array::{Array, Float64Array, Int64Array, StringArray, StringBuilder};
use arrow::buffer::NullBuffer;

use crate::convert::{double_from_string, int_from_double, int_from_string};
use crate::failure::Failure;
use crate::functions::Function;
use crate::kernels::{Computed, is_live};
use crate::number::double_to_string;
use crate::vector::{Data, Vector};

pub(super) fn convert(function: Function, a: &Vector, live: Option<&NullBuffer>) -> Option<Computed> {
    match (function, &a.data) {
        (Function::ToInt, Data::Int(_))
        | (Function::ToDouble, Data::Double(_))
        | (Function::ToString, Data::String(_)) => Some(Computed::total(a.data.clone())),
        (Function::ToDouble, Data::Int(array)) => {
            let values: Vec<f64> = array.values().iter().map(|&v| v as f64).collect();
            Some(Computed::total(Data::Double(Float64Array::new(values.into(), None))))
        }
        (Function::ToInt, Data::Double(array)) => {
            let (values, failed) = each(array.len(), live, |row| int_from_double(array.value(row)));
            Some(Computed { data: Data::Int(Int64Array::new(values.into(), None)), failed })
        }
        (Function::ToInt, Data::String(array)) => {
            let (values, failed) = each(array.len(), live, |row| int_from_string(array.value(row)));
            Some(Computed { data: Data::Int(Int64Array::new(values.into(), None)), failed })
        }
        (Function::ToDouble, Data::String(array)) => {
            let (values, failed) = each(array.len(), live, |row| double_from_string(array.value(row)));
            Some(Computed { data: Data::Double(Float64Array::new(values.into(), None)), failed })
        }
        (Function::ToString, Data::Int(array)) => {
            let texts = texts(array.len(), live, |builder, row| write!(builder, "{}", array.value(row)));
            Some(Computed::total(Data::String(texts)))
        }
        (Function::ToString, Data::Double(array)) => {
            let texts = texts(array.len(), live, |builder, row| {
                builder.write_str(&double_to_string(array.value(row)))
            });
            Some(Computed::total(Data::String(texts)))
        }
        _ => None,
    }
}

fn each<T: Default>(
    rows: usize,
    live: Option<&NullBuffer>,
    convert: impl Fn(usize) -> Result<T, Failure>,
) -> (Vec<T>, Vec<(usize, Failure)>) {
    let mut failed = Vec::new();
    let values = (0..rows)
        .map(|row| {
            if !is_live(live, row) {
                return T::default();
            }
            convert(row).unwrap_or_else(|failure| {
                failed.push((row, failure));
                T::default()
            })
        })
        .collect();
    (values, failed)
}

fn texts(
    rows: usize,
    live: Option<&NullBuffer>,
    write: impl Fn(&mut StringBuilder, usize) -> std::fmt::Result,
) -> StringArray {
    let mut builder = StringBuilder::with_capacity(rows, rows * 8);
    for row in 0..rows {
        if is_live(live, row) {
            // Writing to a builder in memory cannot fail.
            let _ = write(&mut builder, row);
        }
        builder.append_value("");
    }
    builder.finish()
}

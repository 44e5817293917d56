use arrow::array::{Array, AsArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::convert::{
    bool_from_string, double_from_string, int_from_double, int_from_string, string_from_bytes,
    uint_from_double, uint_from_int, uint_from_string,
};
use crate::failure::Failure;
use crate::functions::Function;
use crate::kernels::Computed;
use crate::kernels::rows::{
    blobs, bools, doubles, durations, ints, texts, timestamps, to_blobs, to_bools, to_doubles, to_durations,
    to_ints, to_texts, to_timestamps, to_uints, uints,
};
use crate::number::double_to_string;
use crate::time::{self, SECOND};
use crate::vector::{Data, Vector};

pub(super) fn call(
    function: Function,
    args: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    let [a] = args else { return None };
    Some(match (function, &a.data) {
        (Function::ToInt, Data::Int(_))
        | (Function::ToUint, Data::Uint(_))
        | (Function::ToDouble, Data::Double(_))
        | (Function::ToString, Data::String(_))
        | (Function::ToBool, Data::Bool(_))
        | (Function::ToBytes, Data::Bytes(_))
        | (Function::ToTimestamp, Data::Timestamp(_))
        | (Function::ToDuration, Data::Duration(_)) => Computed::total(a.data.clone()),
        (Function::ToInt, Data::Uint(_)) => {
            let a = uints(a)?;
            to_ints(rows, live, |row| {
                let value = a(row);
                i64::try_from(value).map_err(|_| Failure::overflow(format_args!("int({value})")))
            })
        }
        (Function::ToInt, Data::Double(_)) => {
            let a = doubles(a)?;
            to_ints(rows, live, |row| int_from_double(a(row)))
        }
        (Function::ToInt, Data::String(_)) => {
            let a = texts(a)?;
            to_ints(rows, live, |row| int_from_string(a(row)))
        }
        (Function::ToUint, Data::Int(_)) => {
            let a = ints(a)?;
            to_uints(rows, live, |row| uint_from_int(a(row)))
        }
        (Function::ToUint, Data::Double(_)) => {
            let a = doubles(a)?;
            to_uints(rows, live, |row| uint_from_double(a(row)))
        }
        (Function::ToUint, Data::String(_)) => {
            let a = texts(a)?;
            to_uints(rows, live, |row| uint_from_string(a(row)))
        }
        (Function::ToDouble, Data::Int(_)) => {
            let a = ints(a)?;
            to_doubles(rows, live, |row| Ok(a(row) as f64))
        }
        (Function::ToDouble, Data::Uint(_)) => {
            let a = uints(a)?;
            to_doubles(rows, live, |row| Ok(a(row) as f64))
        }
        (Function::ToDouble, Data::String(_)) => {
            let a = texts(a)?;
            to_doubles(rows, live, |row| double_from_string(a(row)))
        }
        (Function::ToBool, Data::String(_)) => {
            let a = texts(a)?;
            to_bools(rows, live, |row| bool_from_string(a(row)))
        }
        (Function::ToBytes, Data::String(_)) => {
            let a = texts(a)?;
            to_blobs(rows, live, |row| Ok(a(row)))
        }
        (Function::ToTimestamp, Data::Int(_)) => {
            let a = ints(a)?;
            to_timestamps(rows, live, |row| time::checked_timestamp(i128::from(a(row)) * SECOND))
        }
        (Function::ToTimestamp, Data::String(_)) => {
            let a = texts(a)?;
            to_timestamps(rows, live, |row| time::timestamp_from_string(a(row)))
        }
        (Function::ToDuration, Data::String(_)) => {
            let a = texts(a)?;
            to_durations(rows, live, |row| time::duration_from_string(a(row)))
        }
        (Function::ToString, _) => return to_string(a, rows, live),
        _ => return None,
    })
}

fn to_string(a: &Vector, rows: usize, live: Option<&NullBuffer>) -> Option<Computed> {
    Some(match &a.data {
        Data::Int(array) => digits(array)?,
        Data::Uint(array) => digits(array)?,
        Data::Double(_) => {
            let a = doubles(a)?;
            to_texts(rows, live, |row| Ok(double_to_string(a(row))))
        }
        Data::Bool(_) => {
            let a = bools(a)?;
            to_texts(rows, live, |row| Ok(if a(row) { "true" } else { "false" }))
        }
        Data::Bytes(_) => {
            let a = blobs(a)?;
            to_texts(rows, live, |row| string_from_bytes(a(row)))
        }
        Data::Timestamp(_) => {
            let a = timestamps(a)?;
            to_texts(rows, live, |row| time::timestamp_to_string(a(row)))
        }
        Data::Duration(_) => {
            let a = durations(a)?;
            to_texts(rows, live, |row| Ok(time::duration_to_string(a(row))))
        }
        _ => return None,
    })
}

/// The decimal digits of whole numbers.
fn digits(array: &dyn Array) -> Option<Computed> {
    let texts = cast(array, &DataType::Utf8).ok()?;
    Some(Computed::total(Data::String(texts.as_string_opt()?.clone())))
}

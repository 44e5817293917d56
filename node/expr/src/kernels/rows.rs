//! Columns read and written row by row without a copy per value. Only live rows are asked for.

use std::sync::Arc;

use arrow::array::{
    BinaryBuilder, BooleanArray, Float64Array, Int64Array, ListBuilder, StringBuilder, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};

use crate::failure::Failure;
use crate::kernels::{Computed, is_live};
use crate::room::Room;
use crate::vector::{Data, Nanos, Vector};
use crate::zone::Zone;

macro_rules! reader {
    ($name:ident, $variant:ident, $value:ty) => {
        pub(super) fn $name<'a>(vector: &'a Vector) -> Option<impl Fn(usize) -> $value + use<'a>> {
            let Data::$variant(array) = &vector.data else { return None };
            let constant = vector.constant;
            Some(move |row| array.value(if constant { 0 } else { row }))
        }
    };
}

reader!(ints, Int, i64);
reader!(uints, Uint, u64);
reader!(doubles, Double, f64);
reader!(bools, Bool, bool);
reader!(texts, String, &'a str);
reader!(blobs, Bytes, &'a [u8]);

/// Texts and bytes as bytes.
pub(super) fn raw<'a>(vector: &'a Vector) -> Option<impl Fn(usize) -> &'a [u8] + use<'a>> {
    let constant = vector.constant;
    if !matches!(vector.data, Data::String(_) | Data::Bytes(_)) {
        return None;
    }
    Some(move |row| {
        let row = if constant { 0 } else { row };
        match &vector.data {
            Data::String(array) => array.value(row).as_bytes(),
            Data::Bytes(array) => array.value(row),
            _ => &[],
        }
    })
}

/// Numbers of any type as doubles.
pub(super) fn numbers(vector: &Vector) -> Option<impl Fn(usize) -> f64> {
    let constant = vector.constant;
    if !matches!(vector.data, Data::Int(_) | Data::Uint(_) | Data::Double(_)) {
        return None;
    }
    Some(move |row| {
        let row = if constant { 0 } else { row };
        match &vector.data {
            Data::Int(array) => array.value(row) as f64,
            Data::Uint(array) => array.value(row) as f64,
            Data::Double(array) => array.value(row),
            _ => f64::NAN,
        }
    })
}

/// Nanoseconds of timestamps.
pub(super) fn timestamps(vector: &Vector) -> Option<impl Fn(usize) -> i128> {
    let Data::Timestamp(nanos) = &vector.data else { return None };
    let constant = vector.constant;
    Some(move |row| nanos.values.get(if constant { 0 } else { row }).copied().unwrap_or(0))
}

/// Nanoseconds of durations.
pub(super) fn durations(vector: &Vector) -> Option<impl Fn(usize) -> i128> {
    let Data::Duration(nanos) = &vector.data else { return None };
    let constant = vector.constant;
    Some(move |row| nanos.values.get(if constant { 0 } else { row }).copied().unwrap_or(0))
}

type Zones<'a> = Box<dyn Fn(usize) -> Result<Zone, Failure> + 'a>;

/// The time zone per row, read once where all rows have the same; UTC without an operand.
pub(super) fn zones(vector: Option<&Vector>) -> Option<Zones<'_>> {
    let Some(vector) = vector else { return Some(Box::new(|_| Ok(Zone::UTC))) };
    let names = texts(vector)?;
    if vector.constant {
        let zone = Zone::parse(names(0));
        return Some(Box::new(move |_| zone.clone()));
    }
    Some(Box::new(move |row| Zone::parse(names(row))))
}

fn each<T: Default>(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<T, Failure>,
) -> (Vec<T>, Vec<(usize, Failure)>) {
    let mut failed = Vec::new();
    let values = (0..rows)
        .map(|row| {
            if !is_live(live, row) {
                return T::default();
            }
            f(row).unwrap_or_else(|failure| {
                failed.push((row, failure));
                T::default()
            })
        })
        .collect();
    (values, failed)
}

pub(super) fn to_ints(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<i64, Failure>,
) -> Computed {
    let (values, failed) = each(rows, live, f);
    Computed { data: Data::Int(Int64Array::new(values.into(), None)), failed }
}

pub(super) fn to_uints(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<u64, Failure>,
) -> Computed {
    let (values, failed) = each(rows, live, f);
    Computed { data: Data::Uint(UInt64Array::new(values.into(), None)), failed }
}

pub(super) fn to_doubles(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<f64, Failure>,
) -> Computed {
    let (values, failed) = each(rows, live, f);
    Computed { data: Data::Double(Float64Array::new(values.into(), None)), failed }
}

pub(super) fn to_bools(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<bool, Failure>,
) -> Computed {
    let (values, failed) = each(rows, live, f);
    Computed { data: Data::Bool(BooleanArray::from(values)), failed }
}

pub(super) fn to_timestamps(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<i128, Failure>,
) -> Computed {
    let (values, failed) = each(rows, live, f);
    Computed { data: Data::Timestamp(Nanos { values, nulls: None }), failed }
}

pub(super) fn to_durations(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<i128, Failure>,
) -> Computed {
    let (values, failed) = each(rows, live, f);
    Computed { data: Data::Duration(Nanos { values, nulls: None }), failed }
}

pub(super) fn to_texts<T: AsRef<str>>(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<T, Failure>,
) -> Computed {
    to_optional_texts(rows, live, |row| f(row).map(Some))
}

/// Texts of which some are null.
pub(super) fn to_optional_texts<T: AsRef<str>>(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<Option<T>, Failure>,
) -> Computed {
    let mut builder = StringBuilder::with_capacity(rows, rows * 8);
    let (mut room, mut failed) = (Room::default(), Vec::new());
    for row in 0..rows {
        if !is_live(live, row) {
            builder.append_null();
            continue;
        }
        let text = f(row).and_then(|text| {
            room.text(text.as_ref().map_or(0, |text| text.as_ref().len()))?;
            Ok(text)
        });
        match text {
            Ok(text) => builder.append_option(text),
            Err(failure) => {
                failed.push((row, failure));
                builder.append_null();
            }
        }
    }
    Computed { data: Data::String(builder.finish()), failed }
}

pub(super) fn to_blobs<T: AsRef<[u8]>>(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<T, Failure>,
) -> Computed {
    let mut builder = BinaryBuilder::with_capacity(rows, rows * 8);
    let (mut room, mut failed) = (Room::default(), Vec::new());
    for row in 0..rows {
        if !is_live(live, row) {
            builder.append_null();
            continue;
        }
        let blob = f(row).and_then(|blob| {
            room.text(blob.as_ref().len())?;
            Ok(blob)
        });
        match blob {
            Ok(blob) => builder.append_value(blob),
            Err(failure) => {
                failed.push((row, failure));
                builder.append_null();
            }
        }
    }
    Computed { data: Data::Bytes(builder.finish()), failed }
}

pub(super) fn to_text_lists<'a>(
    rows: usize,
    live: Option<&NullBuffer>,
    f: impl Fn(usize) -> Result<Vec<&'a str>, Failure>,
) -> Computed {
    let mut builder = ListBuilder::new(StringBuilder::new());
    let (mut room, mut failed) = (Room::default(), Vec::new());
    for row in 0..rows {
        if !is_live(live, row) {
            builder.append_null();
            continue;
        }
        let texts = f(row).and_then(|texts| {
            room.list(texts.len(), texts.iter().map(|text| text.len()).sum())?;
            Ok(texts)
        });
        match texts {
            Ok(texts) => {
                texts.into_iter().for_each(|text| builder.values().append_value(text));
                builder.append(true);
            }
            Err(failure) => {
                failed.push((row, failure));
                builder.append_null();
            }
        }
    }
    let item = Field::new("item", DataType::Utf8, true);
    let field = Arc::new(Field::new("", DataType::List(Arc::new(item)), true));
    Computed { data: Data::Nested { array: Arc::new(builder.finish()), field }, failed }
}

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, i256};
use arrow::error::ArrowError;
use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

use crate::cells::{Cell, Cells, SECOND, decimal_text, shortened};

/// A value that rules are about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subject<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// A mantissa and how many of its digits stand behind the point.
    Decimal(i256, i8),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    /// Nanoseconds since 1970.
    Time(i128),
    /// The midnight of a day, in nanoseconds since 1970.
    Date(i128),
    /// With so many items.
    List(usize),
    Record,
    /// A value of another type: a time of day, a duration.
    Other,
}

/// The values of a field, whatever its type.
pub(crate) enum Subjects {
    Cells(Cells),
    Lists(Vec<usize>, Option<NullBuffer>),
    Records(Option<NullBuffer>),
}

impl Subjects {
    pub fn new(array: &ArrayRef, field: &Field) -> Result<Self, ArrowError> {
        let nulls = array.logical_nulls();
        Ok(match field.data_type() {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                let lists = cast(array, &DataType::LargeList(item.clone()))?;
                Self::Lists(lists.as_list::<i64>().offsets().lengths().collect(), nulls)
            }
            DataType::Struct(_) | DataType::Map(..) => Self::Records(nulls),
            _ => Self::Cells(Cells::new(array, field)?),
        })
    }

    /// The value of a row.
    pub fn get(&self, row: usize) -> Subject<'_> {
        let is_null = |nulls: &Option<NullBuffer>| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        match self {
            Self::Cells(cells) => Subject::of(cells.get(row)),
            Self::Lists(_, nulls) | Self::Records(nulls) if is_null(nulls) => Subject::Null,
            Self::Lists(lengths, _) => Subject::List(lengths.get(row).copied().unwrap_or_default()),
            Self::Records(_) => Subject::Record,
        }
    }
}

impl<'a> Subject<'a> {
    fn of(cell: Cell<'a>) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Bool(value) => Self::Bool(value),
            Cell::Int(value) => Self::Int(i128::from(value)),
            Cell::Uint(value) => Self::Int(i128::from(value)),
            Cell::Float(value) => Self::Float(value),
            Cell::Decimal(value, scale) => Self::Decimal(value, scale),
            Cell::Text(text) => Self::Text(Cow::Borrowed(text)),
            Cell::Json(text) => Self::of_json(text),
            Cell::Bytes(bytes) => Self::Bytes(bytes),
            Cell::Date(days) => Self::Date(i128::from(days) * 86_400 * SECOND),
            Cell::Timestamp(nanos) => Self::Time(nanos),
            Cell::Other => Self::Other,
        }
    }

    /// What a document holds; one that cannot be read is of no type.
    fn of_json(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Value::Null) => Self::Null,
            Ok(Value::Bool(value)) => Self::Bool(value),
            Ok(Value::Number(number)) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(value), _, _) => Self::Int(i128::from(value)),
                (None, Some(value), _) => Self::Int(i128::from(value)),
                (None, None, value) => value.map_or(Self::Other, Self::Float),
            },
            Ok(Value::String(text)) => Self::Text(Cow::Owned(text)),
            Ok(Value::Array(items)) => Self::List(items.len()),
            Ok(Value::Object(_)) => Self::Record,
            Err(_) => Self::Other,
        }
    }

    /// Characters of a text, bytes, or items of a list.
    pub fn length(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.chars().count()),
            Self::Bytes(bytes) => Some(bytes.len()),
            Self::List(items) => Some(*items),
            _ => None,
        }
    }

    /// The value for a message, at most some 80 characters.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => format!("`{value}`"),
            Self::Int(value) => format!("`{value}`"),
            Self::Float(value) => format!("`{value}`"),
            Self::Decimal(value, scale) => format!("`{}`", decimal_text(*value, *scale)),
            Self::Text(text) => format!("`{}`", shortened(text)),
            Self::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Self::Time(nanos) => format!("`{}`", time(*nanos, false)),
            Self::Date(nanos) => format!("`{}`", time(*nanos, true)),
            Self::List(items) => format!("a list of {items}"),
            Self::Record => "a record".to_owned(),
            Self::Other => "a value of another type".to_owned(),
        }
    }
}

fn time(nanos: i128, date: bool) -> String {
    let seconds = i64::try_from(nanos.div_euclid(SECOND)).ok();
    let rest = u32::try_from(nanos.rem_euclid(SECOND)).ok();
    match seconds.zip(rest).and_then(|(seconds, rest)| DateTime::from_timestamp(seconds, rest)) {
        Some(time) if date => time.format("%Y-%m-%d").to_string(),
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{nanos}ns"),
    }
}

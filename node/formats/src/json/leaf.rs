use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Decimal128Array, Float32Array, Int64Array, UInt64Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::FormatError;

use super::bytes::Texts;
use super::cursor::Cursor;
use super::exact;
use super::fault::Fallible;
use super::number::Number;

/// Values of a type that only a declaration brings about.
#[derive(Debug)]
pub(super) struct Leaf {
    data_type: DataType,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// Integers, dates, times, timestamps and durations, in the unit of the type.
    Int(Vec<i64>),
    Unsigned(Vec<u64>),
    Single(Vec<f32>),
    Decimal(Vec<i128>),
    Text(Texts),
    Binary(Texts),
}

impl Leaf {
    /// Nothing for a type that JSON is not decoded into.
    pub fn new(data_type: &DataType) -> Option<Self> {
        use DataType::*;
        let values = match data_type {
            Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32 => Values::Int(Vec::new()),
            Date32 | Time32(_) | Time64(_) | Timestamp(_, _) => Values::Int(Vec::new()),
            UInt64 => Values::Unsigned(Vec::new()),
            Float32 => Values::Single(Vec::new()),
            Decimal128(_, _) => Values::Decimal(Vec::new()),
            LargeUtf8 | Utf8View => Values::Text(Texts::new()),
            Binary => Values::Binary(Texts::new()),
            _ => return None,
        };
        Some(Self { data_type: data_type.clone(), values })
    }

    /// Appends the value at the cursor. Returns false, with the cursor anywhere, if it does not fit.
    pub fn append(&mut self, cursor: &mut Cursor<'_>) -> Fallible<bool> {
        let quoted = cursor.peek() == Some(b'"');
        let number = matches!(cursor.peek(), Some(b'-' | b'0'..=b'9'));
        let start = cursor.pos;
        match &mut self.values {
            Values::Int(values) if number && self.data_type.is_integer() => {
                let Number::Int(value) = cursor.number()? else { return Ok(false) };
                let fits = range(&self.data_type).is_some_and(|range| range.contains(&value));
                if fits {
                    values.push(value);
                }
                Ok(fits)
            }
            Values::Int(values) if quoted && self.data_type.is_temporal() => {
                let mut owned = Vec::new();
                let text = cursor.string(&mut owned)?.unwrap_or(&owned);
                let value =
                    std::str::from_utf8(text).ok().and_then(|text| exact::temporal(text, &self.data_type));
                values.extend(value);
                Ok(value.is_some())
            }
            Values::Unsigned(values) if number => {
                let whole = !matches!(cursor.number()?, Number::Float(_));
                let text = std::str::from_utf8(cursor.since(start)).ok().filter(|_| whole);
                let value = text.and_then(|text| text.parse::<u64>().ok());
                values.extend(value);
                Ok(value.is_some())
            }
            Values::Single(values) if number => {
                cursor.number()?;
                let text = std::str::from_utf8(cursor.since(start)).unwrap_or_default();
                let value = text.parse::<f32>().ok().filter(|value| value.is_finite());
                values.extend(value);
                Ok(value.is_some())
            }
            Values::Decimal(values) if number => {
                cursor.number()?;
                let DataType::Decimal128(precision, scale) = self.data_type else { return Ok(false) };
                let value = exact::decimal(cursor.since(start), precision, scale);
                values.extend(value);
                Ok(value.is_some())
            }
            Values::Text(texts) if quoted => {
                match cursor.string(texts.open())? {
                    Some(text) => texts.push(text),
                    None => texts.close(),
                }
                Ok(true)
            }
            Values::Binary(texts) if quoted => {
                let mut owned = Vec::new();
                let text = cursor.string(&mut owned)?.unwrap_or(&owned);
                let Ok(bytes) = STANDARD.decode(text) else { return Ok(false) };
                texts.push(&bytes);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub fn pad(&mut self, rows: usize) {
        match &mut self.values {
            Values::Int(values) => values.resize(values.len() + rows, 0),
            Values::Unsigned(values) => values.resize(values.len() + rows, 0),
            Values::Single(values) => values.resize(values.len() + rows, 0.0),
            Values::Decimal(values) => values.resize(values.len() + rows, 0),
            Values::Text(texts) | Values::Binary(texts) => texts.pad(rows),
        }
    }

    pub fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::Int(values) => values.truncate(rows),
            Values::Unsigned(values) => values.truncate(rows),
            Values::Single(values) => values.truncate(rows),
            Values::Decimal(values) => values.truncate(rows),
            Values::Text(texts) | Values::Binary(texts) => texts.truncate(rows),
        }
    }

    pub fn finish(self, nulls: Option<NullBuffer>) -> Result<ArrayRef, FormatError> {
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        Ok(match self.values {
            Values::Int(values) => {
                let values: ArrayRef = Arc::new(Int64Array::new(ScalarBuffer::from(values), nulls));
                match &self.data_type {
                    DataType::Date32 | DataType::Time32(_) => {
                        let days = cast_with_options(&values, &DataType::Int32, &strict)?;
                        cast_with_options(&days, &self.data_type, &strict)?
                    }
                    other => cast_with_options(&values, other, &strict)?,
                }
            }
            Values::Unsigned(values) => Arc::new(UInt64Array::new(ScalarBuffer::from(values), nulls)),
            Values::Single(values) => Arc::new(Float32Array::new(ScalarBuffer::from(values), nulls)),
            Values::Decimal(values) => Arc::new(
                Decimal128Array::new(ScalarBuffer::from(values), nulls).with_data_type(self.data_type),
            ),
            Values::Text(texts) => {
                let array: ArrayRef = Arc::new(texts.into_array(nulls)?);
                cast_with_options(&array, &self.data_type, &strict)?
            }
            Values::Binary(texts) => {
                let (offsets, data) = texts.finish();
                Arc::new(BinaryArray::try_new(offsets, data, nulls)?)
            }
        })
    }

    /// The type in words, with its article.
    pub fn words(&self) -> String {
        match &self.data_type {
            DataType::Date32 => "a date such as \"2024-01-31\"".to_owned(),
            DataType::Time32(_) | DataType::Time64(_) => "a time such as \"23:59:59\"".to_owned(),
            DataType::Timestamp(_, Some(_)) => "a timestamp such as \"2024-01-31T23:59:59Z\"".to_owned(),
            DataType::Timestamp(_, None) => {
                "a timestamp without zone such as \"2024-01-31T23:59:59\"".to_owned()
            }
            DataType::Decimal128(precision, scale) => {
                format!("a number with at most {precision} digits, {scale} of them behind the point")
            }
            DataType::Binary => "a string in Base64".to_owned(),
            DataType::LargeUtf8 | DataType::Utf8View => "a string".to_owned(),
            other => format!("a value of type {other}"),
        }
    }
}

fn range(data_type: &DataType) -> Option<RangeInclusive<i64>> {
    Some(match data_type {
        DataType::Int8 => i8::MIN.into()..=i8::MAX.into(),
        DataType::Int16 => i16::MIN.into()..=i16::MAX.into(),
        DataType::Int32 => i32::MIN.into()..=i32::MAX.into(),
        DataType::UInt8 => 0..=u8::MAX.into(),
        DataType::UInt16 => 0..=u16::MAX.into(),
        DataType::UInt32 => 0..=u32::MAX.into(),
        _ => return None,
    })
}

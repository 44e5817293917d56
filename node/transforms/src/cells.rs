use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal256Array, Float64Array, Int32Array, Int64Array,
    LargeBinaryArray, LargeStringArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimeUnit, i256};
use arrow::error::ArrowError;
use etl_model::is_json;

/// Nanoseconds of a second.
pub(crate) const SECOND: i128 = 1_000_000_000;

/// The values of one column, ready to be read row by row, whatever width or encoding they have.
pub(crate) struct Cells {
    nulls: Option<NullBuffer>,
    values: Values,
}

enum Values {
    Null,
    Bool(BooleanArray),
    Int(Int64Array),
    Uint(UInt64Array),
    Float(Float64Array),
    Decimal(Decimal256Array, i8),
    Text(LargeStringArray),
    Json(LargeStringArray),
    Bytes(LargeBinaryArray),
    /// Days.
    Date(Int32Array),
    /// Counts of a unit of so many nanoseconds.
    Timestamp(Int64Array, i128),
    Other,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A mantissa and how many of its digits stand behind the point.
    Decimal(i256, i8),
    Text(&'a str),
    /// A JSON document.
    Json(&'a str),
    Bytes(&'a [u8]),
    /// Days since 1970.
    Date(i32),
    /// Nanoseconds since 1970, in UTC.
    Timestamp(i128),
    /// A value of a type that has no counterpart here: records, lists, times of day, durations.
    Other,
}

impl Cells {
    /// Reads a column.
    pub fn new(array: &ArrayRef, field: &Field) -> Result<Self, ArrowError> {
        Ok(Self { nulls: array.logical_nulls(), values: Values::new(array, field)? })
    }

    /// The value of a row.
    pub fn get(&self, row: usize) -> Cell<'_> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Cell::Null;
        }
        match &self.values {
            Values::Null => Cell::Null,
            Values::Bool(values) => Cell::Bool(values.value(row)),
            Values::Int(values) => Cell::Int(values.value(row)),
            Values::Uint(values) => Cell::Uint(values.value(row)),
            Values::Float(values) => Cell::Float(values.value(row)),
            Values::Decimal(values, scale) => Cell::Decimal(values.value(row), *scale),
            Values::Text(values) => Cell::Text(values.value(row)),
            Values::Json(values) => Cell::Json(values.value(row)),
            Values::Bytes(values) => Cell::Bytes(values.value(row)),
            Values::Date(values) => Cell::Date(values.value(row)),
            Values::Timestamp(values, unit) => Cell::Timestamp(i128::from(values.value(row)) * unit),
            Values::Other => Cell::Other,
        }
    }
}

impl Values {
    /// Every conversion here is one that loses nothing.
    fn new(array: &ArrayRef, field: &Field) -> Result<Self, ArrowError> {
        let to = |data_type| cast(array, &data_type);
        Ok(match field.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                Self::Int(to(DataType::Int64)?.as_primitive().clone())
            }
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                Self::Uint(to(DataType::UInt64)?.as_primitive().clone())
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                Self::Float(to(DataType::Float64)?.as_primitive().clone())
            }
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale) => {
                Self::Decimal(to(DataType::Decimal256(76, *scale))?.as_primitive().clone(), *scale)
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let texts = to(DataType::LargeUtf8)?.as_string().clone();
                if is_json(field) { Self::Json(texts) } else { Self::Text(texts) }
            }
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Bytes(to(DataType::LargeBinary)?.as_binary().clone()),
            DataType::Date32 | DataType::Date64 => {
                let days = cast(&to(DataType::Date32)?, &DataType::Int32)?;
                Self::Date(days.as_primitive().clone())
            }
            DataType::Timestamp(unit, _) => {
                let nanos = match unit {
                    TimeUnit::Second => SECOND,
                    TimeUnit::Millisecond => 1_000_000,
                    TimeUnit::Microsecond => 1000,
                    TimeUnit::Nanosecond => 1,
                };
                Self::Timestamp(to(DataType::Int64)?.as_primitive().clone(), nanos)
            }
            DataType::Dictionary(_, values) => {
                let plain = to(values.as_ref().clone())?;
                return Self::new(&plain, &field.clone().with_data_type(values.as_ref().clone()));
            }
            DataType::RunEndEncoded(_, values) => return Self::new(&to(values.data_type().clone())?, values),
            _ => Self::Other,
        })
    }
}

/// The text of a decimal number, with as many digits behind the point as it has.
pub(crate) fn decimal_text(value: i256, scale: i8) -> String {
    let digits = value.to_string();
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.as_str()),
    };
    match usize::try_from(scale) {
        Ok(0) => format!("{sign}{digits}"),
        Ok(scale) => {
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{fraction}")
        }
        Err(_) => format!("{sign}{digits}{}", "0".repeat(usize::from(scale.unsigned_abs()))),
    }
}

/// At most 80 characters of a text, for messages.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        for (value, scale, text) in
            [(12345, 2, "123.45"), (-5, 3, "-0.005"), (7, 0, "7"), (7, -2, "700"), (0, 2, "0.00")]
        {
            assert_eq!(decimal_text(i256::from_i128(value), scale), text);
        }
    }
}

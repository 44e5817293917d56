use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    PrimitiveArray, PrimitiveBuilder, StringArray, StringBuilder, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::ArrowPrimitiveType;
use arrow::error::ArrowError;

use super::target::Target;
use crate::cells::Cell;

/// One value of a target's type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    String(String),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// The mantissa at the scale of the target.
    Decimal(i128),
    Bool(bool),
    Date(i32),
    /// Microseconds since 1970.
    Timestamp(i64),
    Bytes(Vec<u8>),
    Json(String),
}

/// The column of a target's values.
pub(super) fn column(values: Vec<Option<Value>>, target: Target) -> Result<ArrayRef, ArrowError> {
    macro_rules! of {
        ($array:ty, $($variant:ident)|+) => {
            values
                .into_iter()
                .map(|value| match value {
                    $(Some(Value::$variant(value)) => Some(value),)+
                    _ => None,
                })
                .collect::<$array>()
        };
    }
    Ok(match target {
        Target::String | Target::Json => Arc::new(of!(StringArray, String | Json)),
        Target::Int => Arc::new(of!(Int64Array, Int)),
        Target::Uint => Arc::new(of!(UInt64Array, Uint)),
        Target::Float => Arc::new(of!(Float64Array, Float)),
        Target::Decimal(precision, scale) => {
            Arc::new(of!(Decimal128Array, Decimal).with_precision_and_scale(precision, scale)?)
        }
        Target::Bool => Arc::new(of!(BooleanArray, Bool)),
        Target::Date => Arc::new(of!(Date32Array, Date)),
        Target::Timestamp => Arc::new(of!(TimestampMicrosecondArray, Timestamp).with_timezone("+00:00")),
        Target::Bytes => Arc::new(of!(BinaryArray, Bytes)),
    })
}

/// A column of numbers, with `long` for the values that `quick` does not know.
pub(super) fn primitive<'a, T: ArrowPrimitiveType>(
    cells: impl Iterator<Item = Cell<'a>>,
    quick: impl Fn(Cell<'a>) -> Option<T::Native>,
    mut long: impl FnMut(usize, Cell<'a>) -> Option<T::Native>,
) -> PrimitiveArray<T> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(cells.size_hint().0);
    for (row, cell) in cells.enumerate() {
        match quick(cell) {
            Some(value) => builder.append_value(value),
            None => builder.append_option(long(row, cell)),
        }
    }
    builder.finish()
}

/// A column of texts, with `long` for the values that are none.
pub(super) fn texts<'a>(
    cells: impl Iterator<Item = Cell<'a>>,
    mut long: impl FnMut(usize, Cell<'a>) -> Option<Value>,
) -> StringArray {
    let mut builder = StringBuilder::with_capacity(cells.size_hint().0, 0);
    for (row, cell) in cells.enumerate() {
        match cell {
            Cell::Text(text) => builder.append_value(text),
            cell => match long(row, cell) {
                Some(Value::String(text)) => builder.append_value(text),
                _ => builder.append_null(),
            },
        }
    }
    builder.finish()
}

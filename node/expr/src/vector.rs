use std::sync::Arc;

use arrow::array::types::{
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{cast, nullif, take};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Date32Type, Date64Type, Field, FieldRef, TimeUnit};
use etl_model::is_json;

use crate::arrow_value;
use crate::failure::Failure;
use crate::failures::Failures;
use crate::json;
use crate::kind::Kind;
use crate::time::SECOND;
use crate::value::Value;

/// A column during evaluation: its values, and the rows that have none because they failed.
///
/// A failing row is null in `data`. Rows that were not asked for are null and do not fail; nobody may look at them.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    pub data: Data,
    /// One value stands for every row; never fails.
    pub constant: bool,
    pub failures: Failures,
}

/// Values in the one representation that the kernels know per type.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Null(usize),
    Bool(BooleanArray),
    Int(Int64Array),
    Uint(UInt64Array),
    Double(Float64Array),
    String(StringArray),
    Bytes(BinaryArray),
    Timestamp(Nanos),
    Duration(Nanos),
    /// Lists, maps, structs and types without a counterpart in CEL, as they came.
    Nested {
        array: ArrayRef,
        field: FieldRef,
    },
    Dyn(Vec<Value>),
}

/// Nanoseconds, wide enough for every Arrow unit. The value under a null is arbitrary.
#[derive(Debug, Clone)]
pub(crate) struct Nanos {
    pub values: Vec<i128>,
    pub nulls: Option<NullBuffer>,
}

impl Nanos {
    fn of<T: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef, factor: i128) -> Self {
        let array = array.as_primitive::<T>();
        Self {
            values: array.values().iter().map(|&v| i128::from(v) * factor).collect(),
            nulls: array.nulls().cloned(),
        }
    }

    /// The row's value; `None` where it is null.
    pub fn get(&self, row: usize) -> Option<i128> {
        self.values.get(row).copied().filter(|_| !self.is_null(row))
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }
}

impl FromIterator<Option<i128>> for Nanos {
    fn from_iter<I: IntoIterator<Item = Option<i128>>>(items: I) -> Self {
        let (values, valid): (Vec<i128>, Vec<bool>) =
            items.into_iter().map(|item| (item.unwrap_or(0), item.is_some())).unzip();
        let nulls = NullBuffer::from(valid);
        Self { values, nulls: Some(nulls).filter(|nulls| nulls.null_count() > 0) }
    }
}

impl Vector {
    pub fn new(data: Data) -> Self {
        Self { data, constant: false, failures: Failures::none() }
    }

    pub fn constant(data: Data) -> Self {
        Self { data, constant: true, failures: Failures::none() }
    }

    /// Every row of `rows` fails.
    pub fn failed(rows: BooleanBuffer, failure: Failure) -> Self {
        let data = Data::Null(rows.len());
        Self { data, constant: false, failures: Failures::same(rows, failure) }
    }

    /// The row's value; a constant's for every row.
    pub fn value(&self, row: usize) -> Result<Value, Failure> {
        self.data.value(if self.constant { 0 } else { row })
    }

    /// The rows at `indices`, for the elements of lists.
    pub fn take(&self, indices: &UInt64Array) -> Result<Self, Failure> {
        if self.constant {
            return Ok(self.clone());
        }
        let mut taken = Self::new(self.data.take(indices)?);
        if !self.failures.is_empty() {
            let reason = |index: u64| self.failures.get(usize::try_from(index).ok()?).cloned();
            let failed = indices.values().iter().enumerate();
            taken.failures =
                Failures::each(failed.filter_map(|(at, index)| Some((at, reason(*index)?))).collect());
        }
        Ok(taken)
    }
}

impl Data {
    pub fn len(&self) -> usize {
        match self {
            Self::Null(len) => *len,
            Self::Bool(array) => array.len(),
            Self::Int(array) => array.len(),
            Self::Uint(array) => array.len(),
            Self::Double(array) => array.len(),
            Self::String(array) => array.len(),
            Self::Bytes(array) => array.len(),
            Self::Timestamp(nanos) | Self::Duration(nanos) => nanos.values.len(),
            Self::Nested { array, .. } => array.len(),
            Self::Dyn(values) => values.len(),
        }
    }

    /// Which rows are null; `None` where none is.
    pub fn nulls(&self) -> Option<NullBuffer> {
        let nulls = match self {
            Self::Null(len) => Some(NullBuffer::new_null(*len)),
            Self::Bool(array) => array.nulls().cloned(),
            Self::Int(array) => array.nulls().cloned(),
            Self::Uint(array) => array.nulls().cloned(),
            Self::Double(array) => array.nulls().cloned(),
            Self::String(array) => array.nulls().cloned(),
            Self::Bytes(array) => array.nulls().cloned(),
            Self::Timestamp(nanos) | Self::Duration(nanos) => nanos.nulls.clone(),
            Self::Nested { array, .. } => array.logical_nulls(),
            Self::Dyn(values) => {
                let valid = BooleanBuffer::collect_bool(values.len(), |i| {
                    values.get(i).is_some_and(|value| !matches!(value, Value::Null))
                });
                Some(NullBuffer::new(valid))
            }
        };
        nulls.filter(|nulls| nulls.null_count() > 0)
    }

    /// One row's value.
    pub fn value(&self, row: usize) -> Result<Value, Failure> {
        if row >= self.len() {
            return Ok(Value::Null);
        }
        Ok(match self {
            Self::Null(_) => Value::Null,
            Self::Bool(array) if array.is_valid(row) => Value::Bool(array.value(row)),
            Self::Int(array) if array.is_valid(row) => Value::Int(array.value(row)),
            Self::Uint(array) if array.is_valid(row) => Value::Uint(array.value(row)),
            Self::Double(array) if array.is_valid(row) => Value::Double(array.value(row)),
            Self::String(array) if array.is_valid(row) => Value::string(array.value(row)),
            Self::Bytes(array) if array.is_valid(row) => Value::Bytes(array.value(row).into()),
            Self::Timestamp(nanos) => nanos.get(row).map_or(Value::Null, Value::Timestamp),
            Self::Duration(nanos) => nanos.get(row).map_or(Value::Null, Value::Duration),
            Self::Nested { array, field } => {
                return arrow_value::values(&array.slice(row, 1), field).pop().unwrap_or(Ok(Value::Null));
            }
            Self::Dyn(values) => values.get(row).cloned().unwrap_or(Value::Null),
            _ => Value::Null,
        })
    }

    /// The same values, null where `valid` is unset (and where they were null before).
    pub fn masked(self, valid: Option<&NullBuffer>) -> Self {
        let Some(valid) = valid else { return self };
        let joined = |nulls: Option<&NullBuffer>| NullBuffer::union(nulls, Some(valid));
        match self {
            Self::Null(len) => Self::Null(len),
            Self::Bool(array) => {
                let nulls = joined(array.nulls());
                Self::Bool(BooleanArray::new(array.values().clone(), nulls))
            }
            Self::Int(array) => {
                let nulls = joined(array.nulls());
                Self::Int(Int64Array::new(array.values().clone(), nulls))
            }
            Self::Uint(array) => {
                let nulls = joined(array.nulls());
                Self::Uint(UInt64Array::new(array.values().clone(), nulls))
            }
            Self::Double(array) => {
                let nulls = joined(array.nulls());
                Self::Double(Float64Array::new(array.values().clone(), nulls))
            }
            Self::String(array) => {
                let gone = BooleanArray::new(!valid.inner(), None);
                // Unlike an array made of its parts, nullif does not read the texts again. It only fails where the
                // lengths differ.
                let masked = nullif(&array, &gone).ok().and_then(|masked| masked.as_string_opt().cloned());
                Self::String(masked.unwrap_or_else(|| StringArray::new_null(valid.len())))
            }
            Self::Bytes(array) => {
                let nulls = joined(array.nulls());
                let (offsets, values, _) = array.into_parts();
                Self::Bytes(BinaryArray::new(offsets, values, nulls))
            }
            Self::Timestamp(nanos) => {
                let nulls = joined(nanos.nulls.as_ref());
                Self::Timestamp(Nanos { values: nanos.values, nulls })
            }
            Self::Duration(nanos) => {
                let nulls = joined(nanos.nulls.as_ref());
                Self::Duration(Nanos { values: nanos.values, nulls })
            }
            Self::Nested { array, field } => {
                let keep = BooleanArray::new(!valid.inner(), None);
                // nullif only fails where the lengths differ.
                let array = nullif(&array, &keep).unwrap_or(array);
                Self::Nested { array, field }
            }
            Self::Dyn(mut values) => {
                for (row, value) in values.iter_mut().enumerate() {
                    if valid.is_null(row) {
                        *value = Value::Null;
                    }
                }
                Self::Dyn(values)
            }
        }
    }

    fn take(&self, indices: &UInt64Array) -> Result<Self, Failure> {
        fn taken<A: Array + Clone + 'static>(array: &A, indices: &UInt64Array) -> Result<A, Failure> {
            let failed = |message: String| Failure::new("internal", message);
            let array = take(array, indices, None).map_err(|error| failed(error.to_string()))?;
            array
                .as_any()
                .downcast_ref::<A>()
                .cloned()
                .ok_or_else(|| failed("take changed a type".to_owned()))
        }
        let picked = |nanos: &Nanos| Nanos {
            values: indices
                .values()
                .iter()
                .map(|&i| nanos.values.get(i as usize).copied().unwrap_or(0))
                .collect(),
            nulls: nanos.nulls.as_ref().map(|nulls| {
                NullBuffer::new(BooleanBuffer::collect_bool(indices.len(), |i| {
                    nulls.is_valid(indices.value(i) as usize)
                }))
            }),
        };
        Ok(match self {
            Self::Null(_) => Self::Null(indices.len()),
            Self::Bool(array) => Self::Bool(taken(array, indices)?),
            Self::Int(array) => Self::Int(taken(array, indices)?),
            Self::Uint(array) => Self::Uint(taken(array, indices)?),
            Self::Double(array) => Self::Double(taken(array, indices)?),
            Self::String(array) => Self::String(taken(array, indices)?),
            Self::Bytes(array) => Self::Bytes(taken(array, indices)?),
            Self::Timestamp(nanos) => Self::Timestamp(picked(nanos)),
            Self::Duration(nanos) => Self::Duration(picked(nanos)),
            Self::Nested { array, field } => Self::Nested {
                array: take(array, indices, None)
                    .map_err(|error| Failure::new("internal", error.to_string()))?,
                field: field.clone(),
            },
            Self::Dyn(values) => Self::Dyn(
                indices
                    .values()
                    .iter()
                    .map(|&i| values.get(i as usize).cloned().unwrap_or(Value::Null))
                    .collect(),
            ),
        })
    }
}

/// A column of a batch in its representation for the kernels, with the rows whose JSON cannot be read.
pub(crate) fn load(array: &ArrayRef, field: &Field) -> Result<(Data, Failures), Failure> {
    let data = match array.data_type() {
        DataType::Null => Data::Null(array.len()),
        DataType::Boolean => Data::Bool(array.as_boolean().clone()),
        DataType::Int64 => Data::Int(array.as_primitive().clone()),
        DataType::UInt64 => Data::Uint(array.as_primitive().clone()),
        DataType::Float64 => Data::Double(array.as_primitive().clone()),
        DataType::Utf8 if is_json(field) => return Ok(parse_json(array.as_string())),
        DataType::Utf8 => Data::String(array.as_string().clone()),
        DataType::Binary => Data::Bytes(array.as_binary().clone()),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            let values = days.values().iter().map(|&day| i128::from(day) * 86_400 * SECOND).collect();
            Data::Timestamp(Nanos { values, nulls: days.nulls().cloned() })
        }
        DataType::Date64 => Data::Timestamp(Nanos::of::<Date64Type>(array, 1_000_000)),
        DataType::Timestamp(unit, _) => Data::Timestamp(match unit {
            TimeUnit::Second => Nanos::of::<TimestampSecondType>(array, SECOND),
            TimeUnit::Millisecond => Nanos::of::<TimestampMillisecondType>(array, 1_000_000),
            TimeUnit::Microsecond => Nanos::of::<TimestampMicrosecondType>(array, 1_000),
            TimeUnit::Nanosecond => Nanos::of::<TimestampNanosecondType>(array, 1),
        }),
        DataType::Duration(unit) => Data::Duration(match unit {
            TimeUnit::Second => Nanos::of::<DurationSecondType>(array, SECOND),
            TimeUnit::Millisecond => Nanos::of::<DurationMillisecondType>(array, 1_000_000),
            TimeUnit::Microsecond => Nanos::of::<DurationMicrosecondType>(array, 1_000),
            TimeUnit::Nanosecond => Nanos::of::<DurationNanosecondType>(array, 1),
        }),
        DataType::Dictionary(_, values) => return recast(array, field, values),
        DataType::RunEndEncoded(_, values) => return recast(array, field, values.data_type()),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => return recast(array, field, &DataType::Int64),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            return recast(array, field, &DataType::UInt64);
        }
        DataType::Float16
        | DataType::Float32
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => return recast(array, field, &DataType::Float64),
        DataType::LargeUtf8 | DataType::Utf8View => return recast(array, field, &DataType::Utf8),
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            return recast(array, field, &DataType::Binary);
        }
        _ => Data::Nested { array: array.clone(), field: Arc::new(field.clone()) },
    };
    Ok((data, Failures::none()))
}

fn recast(array: &ArrayRef, field: &Field, to: &DataType) -> Result<(Data, Failures), Failure> {
    let array = cast(array, to).map_err(|error| Failure::new("unsupported_column", error.to_string()))?;
    load(&array, &field.clone().with_data_type(to.clone()))
}

fn parse_json(texts: &StringArray) -> (Data, Failures) {
    let mut failed = Vec::new();
    let values = texts.iter().enumerate().map(|(row, text)| match text.map(json::parse) {
        None => Value::Null,
        Some(Ok(value)) => value,
        Some(Err(failure)) => {
            failed.push((row, failure));
            Value::Null
        }
    });
    let values = values.collect();
    (Data::Dyn(values), Failures::each(failed))
}

/// Single values in the representation of their type; values of no fixed type stay as they are.
pub(crate) fn from_values(kind: &Kind, values: Vec<Value>) -> Data {
    macro_rules! typed {
        ($variant:ident, $array:ty, $pattern:pat => $value:expr) => {
            Data::$variant(
                values
                    .iter()
                    .map(|value| if let $pattern = value { Some($value) } else { None })
                    .collect::<$array>(),
            )
        };
    }
    match kind {
        Kind::Bool => typed!(Bool, BooleanArray, Value::Bool(v) => *v),
        Kind::Int => typed!(Int, Int64Array, Value::Int(v) => *v),
        Kind::Uint => typed!(Uint, UInt64Array, Value::Uint(v) => *v),
        Kind::Double => typed!(Double, Float64Array, Value::Double(v) => *v),
        Kind::String => typed!(String, StringArray, Value::String(v) => v.as_ref()),
        Kind::Bytes => typed!(Bytes, BinaryArray, Value::Bytes(v) => v.as_ref()),
        Kind::Timestamp | Kind::Duration => {
            let nanos = values
                .iter()
                .map(|value| match value {
                    Value::Timestamp(nanos) | Value::Duration(nanos) => Some(*nanos),
                    _ => None,
                })
                .collect();
            if *kind == Kind::Timestamp { Data::Timestamp(nanos) } else { Data::Duration(nanos) }
        }
        Kind::Optional(held) => from_values(held, values),
        _ => Data::Dyn(values),
    }
}

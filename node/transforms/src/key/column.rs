use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Decimal32Array, Decimal64Array,
    Decimal128Array, Decimal256Array, FixedSizeBinaryArray, Float16Array, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, IntervalDayTimeArray, IntervalMonthDayNanoArray,
    IntervalYearMonthArray, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Field, FieldRef, IntervalUnit, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, i256,
};
use etl_model::is_json;

use super::canonical;
use super::value::{Unkeyed, put_json_text, unkeyed};

const DAY_MS: i64 = 86_400_000;

/// The values of one column, ready to be read row by row.
pub(super) struct Column {
    nulls: Option<NullBuffer>,
    values: Values,
}

enum Values {
    Null,
    Boolean(BooleanArray),
    Int8(Int8Array),
    Int16(Int16Array),
    Int32(Int32Array),
    Int64(Int64Array),
    UInt8(UInt8Array),
    UInt16(UInt16Array),
    UInt32(UInt32Array),
    UInt64(UInt64Array),
    Float16(Float16Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Decimal32(Decimal32Array, i8),
    Decimal64(Decimal64Array, i8),
    Decimal128(Decimal128Array, i8),
    Decimal256(Decimal256Array, i8),
    Text(StringArray, bool),
    LargeText(LargeStringArray, bool),
    TextView(StringViewArray, bool),
    Bytes(BinaryArray),
    LargeBytes(LargeBinaryArray),
    BytesView(BinaryViewArray),
    FixedBytes(FixedSizeBinaryArray),
    /// Days.
    Dates(Vec<i64>),
    /// Counts of a unit of so many nanoseconds.
    Timestamps(Vec<i64>, i128),
    Times(Vec<i64>, i64),
    Durations(Vec<i64>, i128),
    Months(IntervalYearMonthArray),
    DayTimes(IntervalDayTimeArray),
    MonthDayNanos(IntervalMonthDayNanoArray),
    /// Where each row's items lie.
    List(Vec<(usize, usize)>, Box<Column>),
    Record(Vec<(Vec<u8>, Column)>),
    Map(Vec<(usize, usize)>, Box<(Column, Column)>),
    /// Which value each row has.
    Keyed(Vec<usize>, Box<Column>),
}

fn nanoseconds(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

fn spans<T: Copy + Into<i64>>(offsets: &[T]) -> Vec<(usize, usize)> {
    let place = |offset: T| usize::try_from(offset.into()).unwrap_or_default();
    offsets.windows(2).map(|pair| (place(pair[0]), place(pair[1]))).collect()
}

macro_rules! counts {
    ($array:expr, $unit:expr, $($name:ident => $type:ty),+) => {
        match $unit {
            $(TimeUnit::$name => $array.as_primitive_opt::<$type>().map(|array| array.values().to_vec()),)+
        }
    };
}

impl Column {
    /// Reads a column. Types without a canonical form are refused.
    pub fn new(array: &ArrayRef, field: &Field) -> Result<Self, Unkeyed> {
        let values = Values::new(array, field)?;
        Ok(Self { nulls: array.logical_nulls(), values })
    }

    /// Appends the canonical bytes of a row's value.
    pub fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Unkeyed> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            canonical::null(out);
            return Ok(());
        }
        self.values.put(row, out)
    }

    fn bytes(&self, row: usize) -> Result<Vec<u8>, Unkeyed> {
        let mut out = Vec::new();
        self.put(row, &mut out)?;
        Ok(out)
    }
}

impl Values {
    fn new(array: &ArrayRef, field: &Field) -> Result<Self, Unkeyed> {
        let other = || unkeyed(format!("a value of the type {} cannot be a key", field.data_type()));
        let found = match field.data_type() {
            DataType::Null => Some(Self::Null),
            DataType::Boolean => array.as_boolean_opt().cloned().map(Self::Boolean),
            DataType::Int8 => array.as_primitive_opt().cloned().map(Self::Int8),
            DataType::Int16 => array.as_primitive_opt().cloned().map(Self::Int16),
            DataType::Int32 => array.as_primitive_opt().cloned().map(Self::Int32),
            DataType::Int64 => array.as_primitive_opt().cloned().map(Self::Int64),
            DataType::UInt8 => array.as_primitive_opt().cloned().map(Self::UInt8),
            DataType::UInt16 => array.as_primitive_opt().cloned().map(Self::UInt16),
            DataType::UInt32 => array.as_primitive_opt().cloned().map(Self::UInt32),
            DataType::UInt64 => array.as_primitive_opt().cloned().map(Self::UInt64),
            DataType::Float16 => array.as_primitive_opt().cloned().map(Self::Float16),
            DataType::Float32 => array.as_primitive_opt().cloned().map(Self::Float32),
            DataType::Float64 => array.as_primitive_opt().cloned().map(Self::Float64),
            DataType::Decimal32(_, scale) => {
                array.as_primitive_opt().cloned().map(|values| Self::Decimal32(values, *scale))
            }
            DataType::Decimal64(_, scale) => {
                array.as_primitive_opt().cloned().map(|values| Self::Decimal64(values, *scale))
            }
            DataType::Decimal128(_, scale) => {
                array.as_primitive_opt().cloned().map(|values| Self::Decimal128(values, *scale))
            }
            DataType::Decimal256(_, scale) => {
                array.as_primitive_opt().cloned().map(|values| Self::Decimal256(values, *scale))
            }
            DataType::Utf8 => array.as_string_opt().cloned().map(|values| Self::Text(values, is_json(field))),
            DataType::LargeUtf8 => {
                array.as_string_opt().cloned().map(|values| Self::LargeText(values, is_json(field)))
            }
            DataType::Utf8View => {
                array.as_string_view_opt().cloned().map(|values| Self::TextView(values, is_json(field)))
            }
            DataType::Binary => array.as_binary_opt().cloned().map(Self::Bytes),
            DataType::LargeBinary => array.as_binary_opt().cloned().map(Self::LargeBytes),
            DataType::BinaryView => array.as_binary_view_opt().cloned().map(Self::BytesView),
            DataType::FixedSizeBinary(_) => array.as_fixed_size_binary_opt().cloned().map(Self::FixedBytes),
            DataType::Date32 => array
                .as_primitive_opt::<Date32Type>()
                .map(|array| Self::Dates(array.values().iter().map(|days| i64::from(*days)).collect())),
            DataType::Date64 => array
                .as_primitive_opt::<Date64Type>()
                .map(|array| Self::Dates(array.values().iter().map(|ms| ms.div_euclid(DAY_MS)).collect())),
            DataType::Timestamp(unit, _) => counts!(array, unit, Second => TimestampSecondType,
                Millisecond => TimestampMillisecondType, Microsecond => TimestampMicrosecondType,
                Nanosecond => TimestampNanosecondType)
            .map(|counts| Self::Timestamps(counts, nanoseconds(*unit).into())),
            DataType::Duration(unit) => counts!(array, unit, Second => DurationSecondType,
                Millisecond => DurationMillisecondType, Microsecond => DurationMicrosecondType,
                Nanosecond => DurationNanosecondType)
            .map(|counts| Self::Durations(counts, nanoseconds(*unit).into())),
            DataType::Time32(unit) => match unit {
                TimeUnit::Second => array
                    .as_primitive_opt::<Time32SecondType>()
                    .map(|array| array.values().iter().map(|count| i64::from(*count)).collect()),
                _ => array
                    .as_primitive_opt::<Time32MillisecondType>()
                    .map(|array| array.values().iter().map(|count| i64::from(*count)).collect()),
            }
            .map(|counts| Self::Times(counts, nanoseconds(*unit))),
            DataType::Time64(unit) => match unit {
                TimeUnit::Nanosecond => {
                    array.as_primitive_opt::<Time64NanosecondType>().map(|array| array.values().to_vec())
                }
                _ => array.as_primitive_opt::<Time64MicrosecondType>().map(|array| array.values().to_vec()),
            }
            .map(|counts| Self::Times(counts, nanoseconds(*unit))),
            DataType::Interval(IntervalUnit::YearMonth) => {
                array.as_primitive_opt().cloned().map(Self::Months)
            }
            DataType::Interval(IntervalUnit::DayTime) => {
                array.as_primitive_opt().cloned().map(Self::DayTimes)
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                array.as_primitive_opt().cloned().map(Self::MonthDayNanos)
            }
            DataType::List(item) => match array.as_list_opt::<i32>() {
                Some(lists) => Some(list(spans(lists.value_offsets()), lists.values(), item)?),
                None => None,
            },
            DataType::LargeList(item) => match array.as_list_opt::<i64>() {
                Some(lists) => Some(list(spans(lists.value_offsets()), lists.values(), item)?),
                None => None,
            },
            DataType::ListView(item) | DataType::LargeListView(item) => {
                // In one order of the items, which views need not have.
                let plain = DataType::LargeList(FieldRef::clone(item));
                let plain = cast(array, &plain).map_err(|_| other())?;
                return Self::new(&plain, &Field::new("", plain.data_type().clone(), true));
            }
            DataType::FixedSizeList(item, size) => match array.as_fixed_size_list_opt() {
                Some(lists) => {
                    let size = usize::try_from(*size).unwrap_or_default();
                    let spans = (0..array.len()).map(|row| (row * size, (row + 1) * size)).collect();
                    Some(list(spans, lists.values(), item)?)
                }
                None => None,
            },
            DataType::Struct(fields) => match array.as_struct_opt() {
                Some(records) => {
                    let column = |(field, column): (&FieldRef, &ArrayRef)| {
                        let mut name = Vec::new();
                        canonical::text(field.name(), &mut name);
                        Ok((name, Column::new(column, field)?))
                    };
                    let columns = fields.iter().zip(records.columns()).map(column);
                    Some(Self::Record(columns.collect::<Result<_, Unkeyed>>()?))
                }
                None => None,
            },
            DataType::Map(entries, _) => match (array.as_map_opt(), entries.data_type()) {
                (Some(maps), DataType::Struct(fields)) => match fields.as_ref() {
                    [key, value] => {
                        let columns = (Column::new(maps.keys(), key)?, Column::new(maps.values(), value)?);
                        Some(Self::Map(spans(maps.value_offsets()), Box::new(columns)))
                    }
                    _ => None,
                },
                _ => None,
            },
            DataType::Dictionary(_, values) => match array.as_any_dictionary_opt() {
                Some(dictionary) => {
                    let inner = field.clone().with_data_type(values.as_ref().clone());
                    let values = Column::new(dictionary.values(), &inner)?;
                    Some(Self::Keyed(dictionary.normalized_keys(), Box::new(values)))
                }
                None => None,
            },
            DataType::RunEndEncoded(_, values) => {
                let plain = cast(array, values.data_type()).map_err(|_| other())?;
                return Self::new(&plain, values);
            }
            DataType::Union(..) => None,
        };
        found.ok_or_else(other)
    }

    /// The row's value is not null.
    fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Unkeyed> {
        let mut put_text = |text: &str, is_json: bool| match is_json {
            true => put_json_text(text, out),
            false => {
                canonical::text(text, out);
                Ok(())
            }
        };
        match self {
            Self::Text(values, is_json) => return put_text(values.value(row), *is_json),
            Self::LargeText(values, is_json) => return put_text(values.value(row), *is_json),
            Self::TextView(values, is_json) => return put_text(values.value(row), *is_json),
            Self::Null => canonical::null(out),
            Self::Boolean(values) => canonical::boolean(values.value(row), out),
            Self::Int8(values) => canonical::integer(values.value(row).into(), out),
            Self::Int16(values) => canonical::integer(values.value(row).into(), out),
            Self::Int32(values) => canonical::integer(values.value(row).into(), out),
            Self::Int64(values) => canonical::integer(values.value(row).into(), out),
            Self::UInt8(values) => canonical::integer(values.value(row).into(), out),
            Self::UInt16(values) => canonical::integer(values.value(row).into(), out),
            Self::UInt32(values) => canonical::integer(values.value(row).into(), out),
            Self::UInt64(values) => canonical::integer(values.value(row).into(), out),
            Self::Float16(values) => canonical::double(values.value(row).to_f64(), out),
            Self::Float32(values) => canonical::double(values.value(row).into(), out),
            Self::Float64(values) => canonical::double(values.value(row), out),
            Self::Decimal32(values, scale) => {
                canonical::decimal(i256::from_i128(values.value(row).into()), *scale, out);
            }
            Self::Decimal64(values, scale) => {
                canonical::decimal(i256::from_i128(values.value(row).into()), *scale, out);
            }
            Self::Decimal128(values, scale) => {
                canonical::decimal(i256::from_i128(values.value(row)), *scale, out);
            }
            Self::Decimal256(values, scale) => canonical::decimal(values.value(row), *scale, out),
            Self::Bytes(values) => canonical::bytes(values.value(row), out),
            Self::LargeBytes(values) => canonical::bytes(values.value(row), out),
            Self::BytesView(values) => canonical::bytes(values.value(row), out),
            Self::FixedBytes(values) => canonical::bytes(values.value(row), out),
            Self::Dates(days) => canonical::date(days[row], out),
            Self::Timestamps(counts, unit) => canonical::timestamp(i128::from(counts[row]) * unit, out),
            Self::Times(counts, unit) => canonical::time(counts[row].wrapping_mul(*unit), out),
            Self::Durations(counts, unit) => canonical::duration(i128::from(counts[row]) * unit, out),
            Self::Months(values) => canonical::interval(values.value(row), 0, 0, out),
            Self::DayTimes(values) => {
                let value = values.value(row);
                canonical::interval(0, value.days, i64::from(value.milliseconds) * 1_000_000, out);
            }
            Self::MonthDayNanos(values) => {
                let value = values.value(row);
                canonical::interval(value.months, value.days, value.nanoseconds, out);
            }
            Self::List(spans, items) => {
                let (start, end) = spans[row];
                canonical::list(end - start, out);
                for item in start..end {
                    items.put(item, out)?;
                }
            }
            Self::Record(columns) => {
                let entry = |(name, column): &(Vec<u8>, Column)| Ok((name.clone(), column.bytes(row)?));
                canonical::record(columns.iter().map(entry).collect::<Result<_, _>>()?, out);
            }
            Self::Map(spans, columns) => {
                let ((start, end), (keys, values)) = (spans[row], columns.as_ref());
                let entry = |item| Ok((keys.bytes(item)?, values.bytes(item)?));
                canonical::record((start..end).map(entry).collect::<Result<_, _>>()?, out);
            }
            Self::Keyed(keys, values) => return values.put(keys[row], out),
        }
        Ok(())
    }
}

fn list(spans: Vec<(usize, usize)>, items: &ArrayRef, field: &FieldRef) -> Result<Values, Unkeyed> {
    Ok(Values::List(spans, Box::new(Column::new(items, field)?)))
}

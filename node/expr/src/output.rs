//! Columns of a batch out of evaluated vectors and values.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, DurationMicrosecondArray, DurationNanosecondArray,
    Float64Array, Int64Array, ListArray, MapArray, NullArray, StringArray, StructArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, TimeUnit};

use crate::failure::Failure;
use crate::json;
use crate::kind::Kind;
use crate::value::Value;
use crate::vector::{Data, Nanos};

type Failed = Vec<(usize, Failure)>;

/// The column of evaluated data. Rows whose value the column's type cannot hold are null and reported.
pub(crate) fn column(data: Data, kind: &Kind, unit: TimeUnit) -> (ArrayRef, Failed) {
    match (data, kind) {
        (Data::Bool(array), Kind::Bool) => (Arc::new(array), Vec::new()),
        (Data::Int(array), Kind::Int) => (Arc::new(array), Vec::new()),
        (Data::Uint(array), Kind::Uint) => (Arc::new(array), Vec::new()),
        (Data::Double(array), Kind::Double) => (Arc::new(array), Vec::new()),
        (Data::String(array), Kind::String) => (Arc::new(array), Vec::new()),
        (Data::Bytes(array), Kind::Bytes) => (Arc::new(array), Vec::new()),
        (Data::Timestamp(nanos), Kind::Timestamp) => times(nanos, true, unit),
        (Data::Duration(nanos), Kind::Duration) => times(nanos, false, unit),
        (data, Kind::Optional(held)) => column(data, held, unit),
        (Data::Nested { array, .. }, kind) if *array.data_type() == kind.data_type(unit) => {
            (array, Vec::new())
        }
        (Data::Null(len), kind) => (new_null_array(&kind.data_type(unit), len), Vec::new()),
        (data, kind) => {
            let mut failed = Vec::new();
            let values = (0..data.len())
                .map(|row| {
                    data.value(row).unwrap_or_else(|failure| {
                        failed.push((row, failure));
                        Value::Null
                    })
                })
                .collect();
            let (array, more) = build(values, kind, unit);
            failed.extend(more);
            failed.sort_by_key(|(row, _)| *row);
            (array, failed)
        }
    }
}

fn times(nanos: Nanos, timestamps: bool, unit: TimeUnit) -> (ArrayRef, Failed) {
    let mut failed = Vec::new();
    let values = nanos.values.iter().enumerate().map(|(row, &value)| {
        if nanos.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        match in_unit(value, unit) {
            Ok(value) => Some(value),
            Err(failure) => {
                failed.push((row, failure));
                None
            }
        }
    });
    let array: ArrayRef = match (timestamps, unit) {
        (true, TimeUnit::Nanosecond) => {
            Arc::new(values.collect::<TimestampNanosecondArray>().with_timezone("+00:00"))
        }
        (true, _) => Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("+00:00")),
        (false, TimeUnit::Nanosecond) => Arc::new(values.collect::<DurationNanosecondArray>()),
        (false, _) => Arc::new(values.collect::<DurationMicrosecondArray>()),
    };
    (array, failed)
}

fn in_unit(nanos: i128, unit: TimeUnit) -> Result<i64, Failure> {
    let (factor, name) =
        if unit == TimeUnit::Nanosecond { (1, "nanoseconds") } else { (1_000, "microseconds") };
    if nanos % factor != 0 {
        return Err(Failure::new(
            "time_precision",
            format!(
                "the time has nanoseconds ({} of the second), its column counts {name}",
                nanos.rem_euclid(1_000_000_000)
            ),
        ));
    }
    i64::try_from(nanos / factor)
        .map_err(|_| Failure::new("overflow", format!("the time is outside the range of a column of {name}")))
}

/// A column of `kind` out of single values; a value of another type is reported, never converted.
fn build(values: Vec<Value>, kind: &Kind, unit: TimeUnit) -> (ArrayRef, Failed) {
    let mut failed = Vec::new();
    macro_rules! leaf {
        ($array:ty, $($pattern:pat => $value:expr),+) => {
            Arc::new(
                values
                    .iter()
                    .enumerate()
                    .map(|(row, value)| match value {
                        Value::Null => None,
                        $($pattern => Some($value),)+
                        other => {
                            failed.push((row, mismatch(other, kind)));
                            None
                        }
                    })
                    .collect::<$array>(),
            )
        };
    }
    let array: ArrayRef = match kind {
        Kind::Bool => leaf!(BooleanArray, Value::Bool(v) => *v),
        Kind::Int => leaf!(Int64Array, Value::Int(v) => *v),
        Kind::Uint => leaf!(UInt64Array, Value::Uint(v) => *v),
        Kind::Double => leaf!(Float64Array, Value::Double(v) => *v),
        Kind::String => leaf!(StringArray, Value::String(v) => v.as_ref()),
        Kind::Bytes => leaf!(BinaryArray, Value::Bytes(v) => v.as_ref()),
        Kind::Timestamp | Kind::Duration => {
            let nulls: Vec<bool> = values
                .iter()
                .enumerate()
                .map(|(row, value)| match (value, kind) {
                    (Value::Timestamp(_), Kind::Timestamp) | (Value::Duration(_), Kind::Duration) => true,
                    (Value::Null, _) => false,
                    (other, _) => {
                        failed.push((row, mismatch(other, kind)));
                        false
                    }
                })
                .collect();
            let values = values
                .iter()
                .map(|value| match value {
                    Value::Timestamp(nanos) | Value::Duration(nanos) => *nanos,
                    _ => 0,
                })
                .collect();
            let nanos = Nanos { values, nulls: Some(NullBuffer::from(nulls)) };
            let (array, more) = times(nanos, *kind == Kind::Timestamp, unit);
            failed.extend(more);
            array
        }
        Kind::Dyn => {
            let texts = values.iter().enumerate().map(|(row, value)| match value {
                Value::Null => None,
                value => match json::to_json(value) {
                    Ok(json) => Some(json.to_string()),
                    Err(failure) => {
                        failed.push((row, failure));
                        None
                    }
                },
            });
            Arc::new(texts.collect::<StringArray>())
        }
        Kind::Never | Kind::Null => Arc::new(NullArray::new(values.len())),
        Kind::Optional(held) => return build(values, held, unit),
        Kind::List(item) => return build_lists(values, kind, item, unit),
        Kind::Map(..) => return build_maps(values, kind, unit),
        Kind::Struct(fields) => return build_structs(values, kind, fields, unit),
        Kind::Opaque(data_type) => {
            failed.extend(values.iter().enumerate().map(|(row, value)| (row, mismatch(value, kind))));
            new_null_array(data_type, values.len())
        }
    };
    failed.sort_by_key(|(row, _)| *row);
    (array, failed)
}

fn mismatch(value: &Value, kind: &Kind) -> Failure {
    Failure::new(
        "no_such_overload",
        format!("a value of type {} does not fit into {kind}", value.type_name()),
    )
}

/// The row whose elements include `element`, given where each row's elements begin.
fn owner(offsets: &[usize], element: usize) -> usize {
    offsets.partition_point(|&offset| offset <= element).saturating_sub(1)
}

fn offset_buffer(lengths: impl Iterator<Item = usize>) -> OffsetBuffer<i32> {
    OffsetBuffer::from_lengths(lengths)
}

fn starts(lengths: &[usize]) -> Vec<usize> {
    lengths
        .iter()
        .scan(0, |next, length| {
            let start = *next;
            *next += length;
            Some(start)
        })
        .collect()
}

fn build_lists(values: Vec<Value>, kind: &Kind, item: &Kind, unit: TimeUnit) -> (ArrayRef, Failed) {
    let (mut failed, mut valid, mut lengths, mut items) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (row, value) in values.iter().enumerate() {
        let list: &[Value] = match value {
            Value::List(list) => list,
            Value::Null => &[],
            other => {
                failed.push((row, mismatch(other, kind)));
                &[]
            }
        };
        valid.push(matches!(value, Value::List(_)));
        lengths.push(list.len());
        items.extend_from_slice(list);
    }
    let starts = starts(&lengths);
    let (array, inner) = build(items, item, unit);
    failed.extend(inner.into_iter().map(|(element, failure)| (owner(&starts, element), failure)));
    let field = Arc::new(item.field("item", unit));
    let offsets = offset_buffer(lengths.into_iter());
    finish(ListArray::try_new(field, offsets, array, Some(valid.into())), kind, unit, values.len(), failed)
}

fn build_maps(values: Vec<Value>, kind: &Kind, unit: TimeUnit) -> (ArrayRef, Failed) {
    let Kind::Map(key_kind, value_kind) = kind else {
        return (Arc::new(NullArray::new(values.len())), Vec::new());
    };
    let (mut failed, mut valid, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    let (mut keys, mut items) = (Vec::new(), Vec::new());
    for (row, value) in values.iter().enumerate() {
        let entries: &[(Value, Value)] = match value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            other => {
                failed.push((row, mismatch(other, kind)));
                &[]
            }
        };
        valid.push(matches!(value, Value::Map(_)));
        lengths.push(entries.len());
        for (key, item) in entries {
            keys.push(key.clone());
            items.push(item.clone());
        }
    }
    let starts = starts(&lengths);
    let (keys, bad_keys) = build(keys, key_kind, unit);
    let (items, bad_items) = build(items, value_kind, unit);
    let inner = bad_keys.into_iter().chain(bad_items);
    failed.extend(inner.map(|(element, failure)| (owner(&starts, element), failure)));
    let offsets = offset_buffer(lengths.into_iter());
    let array = match kind.data_type(unit) {
        DataType::Map(entries, sorted) => match entries.data_type() {
            DataType::Struct(fields) => StructArray::try_new(fields.clone(), vec![keys, items], None)
                .and_then(|pairs| {
                    MapArray::try_new(entries.clone(), offsets, pairs, Some(valid.into()), sorted)
                }),
            other => {
                Err(arrow::error::ArrowError::SchemaError(format!("{other} in place of a map's entries")))
            }
        },
        other => Err(arrow::error::ArrowError::SchemaError(format!("{other} in place of a map"))),
    };
    finish(array, kind, unit, values.len(), failed)
}

fn build_structs(
    values: Vec<Value>,
    kind: &Kind,
    fields: &[(String, Kind)],
    unit: TimeUnit,
) -> (ArrayRef, Failed) {
    let mut failed: Failed = values
        .iter()
        .enumerate()
        .filter(|(_, value)| !matches!(value, Value::Map(_) | Value::Null))
        .map(|(row, value)| (row, mismatch(value, kind)))
        .collect();
    let mut columns = Vec::with_capacity(fields.len());
    for (name, field) in fields {
        let column = values.iter().map(|value| value.field(name).cloned().unwrap_or(Value::Null)).collect();
        let (column, inner) = build(column, field, unit);
        failed.extend(inner);
        columns.push(column);
    }
    let valid: Vec<bool> = values.iter().map(|value| matches!(value, Value::Map(_))).collect();
    let array = match kind.data_type(unit) {
        DataType::Struct(fields) => {
            StructArray::try_new_with_length(fields, columns, Some(valid.into()), values.len())
        }
        other => Err(arrow::error::ArrowError::SchemaError(format!("{other} in place of a struct"))),
    };
    finish(array, kind, unit, values.len(), failed)
}

fn finish<A: Array + 'static>(
    array: Result<A, arrow::error::ArrowError>,
    kind: &Kind,
    unit: TimeUnit,
    len: usize,
    mut failed: Failed,
) -> (ArrayRef, Failed) {
    match array {
        Ok(array) => {
            failed.sort_by_key(|(row, _)| *row);
            let bad = NullBuffer::from(
                (0..len)
                    .map(|row| failed.binary_search_by_key(&row, |(row, _)| *row).is_err())
                    .collect::<Vec<_>>(),
            );
            let array: ArrayRef = Arc::new(array);
            let array = if bad.null_count() == 0 {
                array
            } else {
                let failing = BooleanArray::new(!bad.inner(), None);
                arrow::compute::nullif(&array, &failing).unwrap_or(array)
            };
            (array, failed)
        }
        Err(error) => {
            let failure = Failure::new("internal", error.to_string());
            (new_null_array(&kind.data_type(unit), len), (0..len).map(|row| (row, failure.clone())).collect())
        }
    }
}

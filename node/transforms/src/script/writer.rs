//! Values of scripts as columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, ListArray, NullArray,
    StringArray, StructArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use rhai::Dynamic;

use crate::cells::{SECOND, shortened};
use crate::script::document;
use crate::script::failure::Failure;
use crate::script::moment::Moment;
use crate::script::shape::Shape;

/// A column, and the places of the values that it cannot hold, which are null.
pub(crate) type Written = (ArrayRef, Vec<(usize, Failure)>);

/// The column of a kind.
pub(crate) fn write(values: &[Dynamic], kind: &Shape) -> Result<Written, ArrowError> {
    let mut failed = Vec::new();
    macro_rules! leaf {
        ($array:ty, $read:expr) => {
            Arc::new(leaves(values, kind, &mut failed, $read).collect::<$array>())
        };
    }
    let array: ArrayRef = match kind {
        Shape::Null => Arc::new(NullArray::new(values.len())),
        Shape::Bool => leaf!(BooleanArray, |value| value.as_bool().ok()),
        Shape::Int => leaf!(Int64Array, |value| value.as_int().ok()),
        Shape::Float => leaf!(Float64Array, double),
        Shape::Text => leaf!(StringArray, text),
        Shape::Bytes => leaf!(BinaryArray, |value| value.as_blob_ref().ok().map(|bytes| bytes.to_vec())),
        Shape::Date => leaf!(Date32Array, days),
        Shape::Time(TimeUnit::Nanosecond) => {
            let array = leaves(values, kind, &mut failed, |value| i64::try_from(nanos(value)?).ok());
            Arc::new(array.collect::<TimestampNanosecondArray>().with_timezone("+00:00"))
        }
        Shape::Time(_) => {
            let array = leaves(values, kind, &mut failed, |value| {
                let nanos = nanos(value)?;
                (nanos % 1000 == 0).then(|| i64::try_from(nanos / 1000).ok()).flatten()
            });
            Arc::new(array.collect::<TimestampMicrosecondArray>().with_timezone("+00:00"))
        }
        Shape::Json => {
            let texts = values.iter().enumerate().map(|(place, value)| {
                if value.is_unit() {
                    return None;
                }
                document::to_json(value)
                    .map(|json| json.to_string())
                    .map_err(|failure| failed.push((place, failure)))
                    .ok()
            });
            Arc::new(texts.collect::<StringArray>())
        }
        Shape::List(item) => return lists(values, kind, item),
        Shape::Record(fields) => return records(values, kind, fields),
    };
    Ok((array, failed))
}

fn leaves<'a, T>(
    values: &'a [Dynamic],
    kind: &'a Shape,
    failed: &'a mut Vec<(usize, Failure)>,
    read: impl Fn(&Dynamic) -> Option<T> + 'a,
) -> impl Iterator<Item = Option<T>> + 'a {
    values.iter().enumerate().map(move |(place, value)| {
        if value.is_unit() {
            return None;
        }
        let found = read(value);
        if found.is_none() {
            failed.push((place, unfit(value, kind)));
        }
        found
    })
}

fn unfit(value: &Dynamic, kind: &Shape) -> Failure {
    let found = Shape::of(value).map_or_else(|| value.type_name(), |kind| kind.name());
    let message = format!(
        "the {found} `{}` does not fit a field of type {}",
        shortened(&value.to_string()),
        kind.name()
    );
    Failure::new("invalid_type", message)
}

/// A float, or an integer that is one exactly.
fn double(value: &Dynamic) -> Option<f64> {
    const EXACT: i64 = 1 << 53;
    let whole = value.as_int().ok().filter(|whole| (-EXACT..=EXACT).contains(whole));
    value.as_float().ok().or_else(|| whole.map(|whole| whole as f64))
}

fn text(value: &Dynamic) -> Option<String> {
    (value.is_string() || value.is_char()).then(|| value.to_string())
}

fn days(value: &Dynamic) -> Option<i32> {
    let moment = match text(value) {
        Some(text) => Moment::date(&text)?,
        None => *value.read_lock::<Moment>()?,
    };
    let day = 86_400 * SECOND;
    (moment.nanos % day == 0).then(|| i32::try_from(moment.nanos / day).ok()).flatten()
}

fn nanos(value: &Dynamic) -> Option<i128> {
    match text(value) {
        Some(text) => Moment::time(&text).map(|moment| moment.nanos),
        None => value.read_lock::<Moment>().map(|moment| moment.nanos),
    }
}

fn lists(values: &[Dynamic], kind: &Shape, item: &Shape) -> Result<Written, ArrowError> {
    let (mut failed, mut items, mut lengths, mut owners) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, value) in values.iter().enumerate() {
        let before = items.len();
        match value.as_array_ref() {
            Ok(list) => items.extend(list.iter().cloned()),
            Err(_) if value.is_unit() => {}
            Err(_) => failed.push((place, unfit(value, kind))),
        }
        lengths.push(items.len() - before);
        owners.resize(items.len(), place);
    }
    let valid: NullBuffer = values.iter().map(Dynamic::is_array).collect();
    let (array, inner) = write(&items, item)?;
    failed.extend(inner.into_iter().filter_map(|(place, failure)| Some((*owners.get(place)?, failure))));
    let field = Arc::new(item.field("item"));
    let array = ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), array, Some(valid))?;
    Ok((Arc::new(array), failed))
}

fn records(values: &[Dynamic], kind: &Shape, fields: &[(String, Shape)]) -> Result<Written, ArrowError> {
    let strays = values.iter().enumerate().filter(|(_, value)| !value.is_map() && !value.is_unit());
    let mut failed: Vec<_> = strays.map(|(place, value)| (place, unfit(value, kind))).collect();
    let mut columns = Vec::with_capacity(fields.len());
    for (name, field) in fields {
        let of = |value: &Dynamic| value.as_map_ref().ok().and_then(|map| map.get(name.as_str()).cloned());
        let column: Vec<Dynamic> = values.iter().map(|value| of(value).unwrap_or(Dynamic::UNIT)).collect();
        let (column, inner) = write(&column, field)?;
        failed.extend(inner);
        columns.push(column);
    }
    let valid: NullBuffer = values.iter().map(Dynamic::is_map).collect();
    let DataType::Struct(fields) = kind.field("").data_type().clone() else {
        return Err(ArrowError::SchemaError("a record is no struct".to_owned()));
    };
    Ok((Arc::new(StructArray::try_new(fields, columns, Some(valid))?), failed))
}

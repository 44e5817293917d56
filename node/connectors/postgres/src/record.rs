use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float32Type, Float64Type, TimeUnit, TimestampMicrosecondType};
use arrow::json::writer::{JsonArray, WriterBuilder};
use arrow::temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime};
use arrow::util::display::array_value_to_string;
use serde_json::{Map, Value};

use crate::copy::decode::value_to_text;
use crate::copy::{EPOCH_DAYS, EPOCH_MICROS};
use crate::types::Kind;

/// A row as a JSON object, for errors and dead letters. `shown` replaces the value of one column, which has no place in
/// the columns. A value that has no JSON form stands there as PostgreSQL writes it: no value is left out.
pub(crate) fn record(records: &RecordBatch, row: usize, shown: Option<(&str, &str)>) -> Value {
    let schema = records.schema();
    let mut fields = Map::new();
    for (at, (field, column)) in schema.fields().iter().zip(records.columns()).enumerate() {
        let value = match (column.is_null(row), text(column, row)) {
            (true, _) => Value::Null,
            (false, Some(text)) => Value::from(text),
            (false, None) => json(records, at, row).unwrap_or_else(|| Value::from(display(column, row))),
        };
        fields.insert(field.name().clone(), value);
    }
    if let Some((name, text)) = shown {
        fields.insert(name.to_owned(), Value::from(text));
    }
    Value::Object(fields)
}

/// The JSON form of a value that is not null, if it has one.
fn json(records: &RecordBatch, column: usize, row: usize) -> Option<Value> {
    let alone = records.slice(row, 1).project(&[column]).ok()?;
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(&mut text);
    writer.write(&alone).and_then(|()| writer.finish()).ok()?;
    drop(writer);
    let rows: Vec<Map<String, Value>> = serde_json::from_slice(&text).ok()?;
    let value = rows.into_iter().next()?.into_iter().next()?.1;
    (!value.is_null()).then_some(value)
}

/// What stands for a value without a JSON form; `None` for one that has it.
fn text(column: &ArrayRef, row: usize) -> Option<String> {
    let (kind, bytes) = match column.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            if timestamp_us_to_datetime(micros).is_some() {
                return None;
            }
            let kind = if zone.is_some() { Kind::TimestampTz } else { Kind::Timestamp };
            let finite = !matches!(micros, i64::MIN | i64::MAX);
            let since = if finite { micros.saturating_sub(EPOCH_MICROS) } else { micros };
            (kind, since.to_be_bytes().to_vec())
        }
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().value(row);
            if date32_to_datetime(days).is_some() {
                return None;
            }
            let finite = !matches!(days, i32::MIN | i32::MAX);
            let since = if finite { days.saturating_sub(EPOCH_DAYS) } else { days };
            (Kind::Date, since.to_be_bytes().to_vec())
        }
        DataType::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(row);
            return (!value.is_finite()).then(|| value.to_string());
        }
        DataType::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(row);
            return (!value.is_finite()).then(|| value.to_string());
        }
        _ => return None,
    };
    value_to_text(&kind, &bytes).ok()
}

/// For whatever else there may be.
fn display(column: &ArrayRef, row: usize) -> String {
    array_value_to_string(column, row)
        .unwrap_or_else(|error| format!("a value that cannot be shown: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float32Array, Float64Array, Int32Array, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn no_value_is_left_out() {
        let columns: [(&str, ArrayRef); 6] = [
            ("id", Arc::new(Int32Array::from(vec![1, 2, 3]))),
            (
                "at",
                Arc::new(TimestampMicrosecondArray::from(vec![
                    Some(i64::MAX),
                    Some(9_000_000_000_000_000_000),
                    None,
                ])),
            ),
            ("zoned", {
                let zoned = TimestampMicrosecondArray::from(vec![i64::MIN, 1_000_000, i64::MAX]);
                Arc::new(zoned.with_timezone("UTC"))
            }),
            ("day", Arc::new(Date32Array::from(vec![i32::MAX, i32::MIN, 1]))),
            ("half", Arc::new(Float32Array::from(vec![f32::NAN, 0.5, f32::INFINITY]))),
            ("whole", Arc::new(Float64Array::from(vec![f64::NEG_INFINITY, f64::NAN, 2.0]))),
        ];
        let records = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap();
        let expected = [
            r#"{"id":1,"at":"infinity","zoned":"-infinity","day":"infinity","half":"NaN","whole":"-inf"}"#,
            r#"{"id":2,"at":"287168-08-24 16:00:00","zoned":"1970-01-01T00:00:01Z","day":"-infinity","half":0.5,"whole":"NaN"}"#,
            r#"{"id":3,"at":null,"zoned":"infinity","day":"1970-01-02","half":"inf","whole":2.0}"#,
        ];
        for (row, expected) in expected.into_iter().enumerate() {
            assert_eq!(record(&records, row, None), serde_json::from_str::<Value>(expected).unwrap());
        }
        assert_eq!(record(&records, 0, Some(("day", "x")))["day"], "x");
    }
}

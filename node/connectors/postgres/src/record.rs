use arrow::array::RecordBatch;
use arrow::json::writer::{JsonArray, WriterBuilder};
use serde_json::Value;

/// A row as a JSON object, for errors and dead letters. `shown` replaces the value of one column, which has no place in
/// the columns.
pub(crate) fn record(records: &RecordBatch, row: usize, shown: Option<(&str, &str)>) -> Value {
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(&mut text);
    let written = writer.write(&records.slice(row, 1)).and_then(|()| writer.finish());
    drop(writer);
    let mut record = match (written, serde_json::from_slice::<Value>(&text)) {
        (Ok(()), Ok(Value::Array(mut rows))) if rows.len() == 1 => rows.remove(0),
        // A value without a JSON form must not hide the error that this record is attached to.
        _ => Value::Null,
    };
    if let (Value::Object(fields), Some((name, text))) = (&mut record, shown) {
        fields.insert(name.to_owned(), Value::from(text));
    }
    record
}

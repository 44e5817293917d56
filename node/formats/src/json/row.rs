use arrow::array::RecordBatch;
use serde_json::{Map, Number as JsonNumber, Value};

use super::cursor::Cursor;
use super::fault::{Fallible, Fault};
use super::number::Number;
use super::object_writer::ObjectWriter;
use super::options::Nulls;
use super::writer::Style;

/// Digits that a double always keeps.
const DOUBLE_DIGITS: usize = 17;

/// A row as an object, for dead letters. What has no form in JSON becomes a string (`"NaN"`), as do numbers with more
/// digits than `serde_json` numbers keep. A row outside the batch is null.
pub fn row_to_value(batch: &RecordBatch, row: usize) -> Value {
    if row >= batch.num_rows() {
        return Value::Null;
    }
    // A slice of one row keeps the preparation of the columns cheap.
    let batch = batch.slice(row, 1);
    let style = Style { nulls: Nulls::Explicit, lenient: true };
    let schema = batch.schema();
    let mut text = Vec::new();
    let written =
        ObjectWriter::new(schema.fields(), batch.columns(), style).map(|row| row.write(0, &mut text));
    match written {
        Ok(Ok(())) => text_to_value(&text),
        Ok(Err(fault)) => Value::String(fault.message),
        Err(error) => Value::String(error.to_string()),
    }
}

/// A JSON text as a value, numbers that would lose digits as strings; what is not JSON as a string, with invalid UTF-8
/// replaced.
pub(super) fn text_to_value(text: &[u8]) -> Value {
    let raw = || Value::String(String::from_utf8_lossy(text.trim_ascii()).into_owned());
    if std::str::from_utf8(text).is_err() {
        return raw();
    }
    let mut check = Cursor::new(text);
    if check.skip_value().is_err() || check.next_token().is_some() {
        return raw();
    }
    value(&mut Cursor::new(text)).unwrap_or_else(|_| raw())
}

fn value(cursor: &mut Cursor<'_>) -> Fallible<Value> {
    let start = cursor.pos;
    Ok(match cursor.next_token() {
        Some(b'{') => {
            let mut map = Map::new();
            cursor.enter()?;
            if cursor.next_token() == Some(b'}') {
                cursor.leave();
                return Ok(Value::Object(map));
            }
            loop {
                cursor.next_token();
                let key = string(cursor)?;
                cursor.colon()?;
                map.insert(key, value(cursor)?);
                if !cursor.comma_or(b'}', "an object")? {
                    break;
                }
            }
            Value::Object(map)
        }
        Some(b'[') => {
            let mut items = Vec::new();
            cursor.enter()?;
            if cursor.next_token() == Some(b']') {
                cursor.leave();
                return Ok(Value::Array(items));
            }
            loop {
                items.push(value(cursor)?);
                if !cursor.comma_or(b']', "an array")? {
                    break;
                }
            }
            Value::Array(items)
        }
        Some(b'"') => Value::String(string(cursor)?),
        Some(b't') => cursor.literal("true").map(|()| Value::Bool(true))?,
        Some(b'f') => cursor.literal("false").map(|()| Value::Bool(false))?,
        Some(b'n') => cursor.literal("null").map(|()| Value::Null)?,
        Some(_) => number(cursor)?,
        None => return Err(Fault::ended(start, "a value")),
    })
}

fn string(cursor: &mut Cursor<'_>) -> Fallible<String> {
    let mut unescaped = Vec::new();
    let text = cursor.string(&mut unescaped)?.unwrap_or(&unescaped);
    // The caller has checked the whole text to be UTF-8.
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn number(cursor: &mut Cursor<'_>) -> Fallible<Value> {
    let start = cursor.pos;
    let number = cursor.number()?;
    let text = String::from_utf8_lossy(cursor.since(start)).into_owned();
    Ok(match number {
        Number::Int(value) => Value::from(value),
        Number::Float(value) if significant_digits(&text) <= DOUBLE_DIGITS => {
            JsonNumber::from_f64(value).map_or(Value::String(text), Value::Number)
        }
        Number::Float(_) => Value::String(text),
        Number::Beyond => text.parse::<u64>().map_or(Value::String(text), Value::from),
    })
}

fn significant_digits(number: &str) -> usize {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len()
}

//! JSON documents as values of scripts, and back.

use rhai::{Dynamic, Map};
use serde_json::{Number, Value};

use crate::script::failure::Failure;
use crate::script::moment::Moment;

/// The value of a document; a whole number beyond 64 bits with a sign fails.
pub(crate) fn parse(text: &str) -> Result<Dynamic, Failure> {
    let value = serde_json::from_str(text)
        .map_err(|error| Failure::new("invalid_json", format!("the text is not a JSON document: {error}")))?;
    from_json(value)
}

fn from_json(value: Value) -> Result<Dynamic, Failure> {
    Ok(match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => value.into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => value.into(),
            (None, Some(value), _) => return Err(too_big(value)),
            (None, None, value) => value.unwrap_or(f64::NAN).into(),
        },
        Value::String(text) => text.into(),
        Value::Array(items) => {
            let items: Vec<Dynamic> = items.into_iter().map(from_json).collect::<Result<_, _>>()?;
            items.into()
        }
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Ok((name.into(), from_json(value)?)));
            fields.collect::<Result<Map, Failure>>()?.into()
        }
    })
}

/// A number that no integer of a script holds.
pub(crate) fn too_big(value: u64) -> Failure {
    Failure::new("overflow", format!("{value} is beyond the integers of a script"))
}

/// The value as JSON: blobs as arrays of bytes are refused, times stand as text.
pub(crate) fn to_json(value: &Dynamic) -> Result<Value, Failure> {
    if let Ok(fields) = value.as_map_ref() {
        let fields = fields.iter().map(|(name, value)| Ok((name.to_string(), to_json(value)?)));
        return Ok(Value::Object(fields.collect::<Result<_, Failure>>()?));
    }
    if let Ok(items) = value.as_array_ref() {
        return Ok(Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?));
    }
    if let Some(moment) = value.read_lock::<Moment>() {
        return Ok(Value::String(moment.text()));
    }
    Ok(if value.is_unit() {
        Value::Null
    } else if let Ok(value) = value.as_bool() {
        Value::Bool(value)
    } else if let Ok(value) = value.as_int() {
        Value::Number(value.into())
    } else if let Ok(number) = value.as_float() {
        Value::Number(Number::from_f64(number).ok_or_else(|| {
            Failure::new("not_representable", format!("{number} cannot be written as JSON"))
        })?)
    } else if value.is_string() || value.is_char() {
        Value::String(value.to_string())
    } else {
        let message = format!("a value of type {} cannot be written as JSON", value.type_name());
        return Err(Failure::new("not_representable", message));
    })
}

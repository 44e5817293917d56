use serde_json::Value;

use super::canonical;

/// Values nested deeper are refused; what the formats read goes to 128.
const DEEPEST: usize = 256;

/// A value whose key cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unkeyed {
    pub message: String,
}

pub(super) fn unkeyed(message: impl Into<String>) -> Unkeyed {
    Unkeyed { message: message.into() }
}

/// Appends the canonical bytes of a JSON value.
pub(super) fn put_json(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), Unkeyed> {
    if depth > DEEPEST {
        return Err(unkeyed(format!("the value is nested deeper than {DEEPEST}")));
    }
    match value {
        Value::Null => canonical::null(out),
        Value::Bool(value) => canonical::boolean(*value, out),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => canonical::integer(value.into(), out),
            (None, Some(value), _) => canonical::integer(value.into(), out),
            (None, None, Some(value)) => canonical::double(value, out),
            (None, None, None) => return Err(unkeyed(format!("{number} is no number that can be a key"))),
        },
        Value::String(text) => canonical::text(text, out),
        Value::Array(items) => {
            canonical::list(items.len(), out);
            for item in items {
                put_json(item, depth + 1, out)?;
            }
        }
        Value::Object(fields) => {
            let entry = |(name, value): (&String, &Value)| {
                let (mut key, mut bytes) = (Vec::new(), Vec::new());
                canonical::text(name, &mut key);
                put_json(value, depth + 1, &mut bytes)?;
                Ok((key, bytes))
            };
            canonical::record(fields.iter().map(entry).collect::<Result<_, _>>()?, out);
        }
    }
    Ok(())
}

/// Appends the canonical bytes of a text that holds a JSON value.
pub(super) fn put_json_text(text: &str, out: &mut Vec<u8>) -> Result<(), Unkeyed> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| unkeyed(format!("the value is not JSON: {error}")))?;
    put_json(&value, 0, out)
}

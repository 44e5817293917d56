use serde_json::{Map, Number, Value};

use crate::RelayError;

/// Values nested deeper are refused; JSON as the formats read it goes to 128.
const DEEPEST: usize = 256;

/// The binary form of a JSON value (see `relay.proto`). Text would not do: numbers change when they are printed and read again.
pub(super) fn json_to_bytes(value: &Value) -> Result<Vec<u8>, RelayError> {
    let mut out = Vec::new();
    put(value, &mut out, 0)?;
    Ok(out)
}

/// Reads the binary form; nothing at all is null.
pub(super) fn json_from_bytes(bytes: &[u8]) -> Result<Value, RelayError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let mut input = Input(bytes);
    let value = input.value(0)?;
    if input.0.is_empty() { Ok(value) } else { Err(bad("bytes follow it")) }
}

fn bad(reason: &'static str) -> RelayError {
    RelayError::malformed("JSON value", reason)
}

fn put(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<(), RelayError> {
    if depth > DEEPEST {
        return Err(bad("it is nested too deep"));
    }
    match value {
        Value::Null => out.push(0),
        Value::Bool(value) => out.push(1 + u8::from(*value)),
        Value::Number(number) => {
            let (tag, bytes) = if let Some(n) = number.as_u64() {
                (3, n.to_le_bytes())
            } else if let Some(n) = number.as_i64() {
                (4, n.to_le_bytes())
            } else {
                (5, number.as_f64().ok_or_else(|| bad("a number has no binary form"))?.to_le_bytes())
            };
            out.push(tag);
            out.extend_from_slice(&bytes);
        }
        Value::String(text) => {
            out.push(6);
            put_text(text, out)?;
        }
        Value::Array(items) => {
            out.push(7);
            put_length(items.len(), out)?;
            for item in items {
                put(item, out, depth + 1)?;
            }
        }
        Value::Object(fields) => {
            out.push(8);
            put_length(fields.len(), out)?;
            for (name, value) in fields {
                put_text(name, out)?;
                put(value, out, depth + 1)?;
            }
        }
    }
    Ok(())
}

fn put_length(length: usize, out: &mut Vec<u8>) -> Result<(), RelayError> {
    let length = u32::try_from(length).map_err(|_| bad("it is too large"))?;
    out.extend_from_slice(&length.to_le_bytes());
    Ok(())
}

fn put_text(text: &str, out: &mut Vec<u8>) -> Result<(), RelayError> {
    put_length(text.len(), out)?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], RelayError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(|| bad("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RelayError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(|| bad("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn length(&mut self) -> Result<usize, RelayError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn text(&mut self) -> Result<String, RelayError> {
        let length = self.length()?;
        let text = std::str::from_utf8(self.take(length)?);
        text.map(str::to_owned).map_err(|_| bad("a text is not UTF-8"))
    }

    fn value(&mut self, depth: usize) -> Result<Value, RelayError> {
        if depth > DEEPEST {
            return Err(bad("it is nested too deep"));
        }
        let [tag] = self.array()?;
        Ok(match tag {
            0 => Value::Null,
            1 | 2 => Value::Bool(tag == 2),
            3 => Value::from(u64::from_le_bytes(self.array()?)),
            4 => Value::from(i64::from_le_bytes(self.array()?)),
            5 => {
                let number = Number::from_f64(f64::from_le_bytes(self.array()?));
                Value::Number(number.ok_or_else(|| bad("a number is not finite"))?)
            }
            6 => Value::String(self.text()?),
            // What follows takes at least a byte each, so a false count cannot reserve much.
            7 => {
                let length = self.length()?;
                let mut items = Vec::with_capacity(length.min(self.0.len()));
                for _ in 0..length {
                    items.push(self.value(depth + 1)?);
                }
                Value::Array(items)
            }
            8 => {
                let length = self.length()?;
                let mut fields = Map::new();
                for _ in 0..length {
                    let name = self.text()?;
                    fields.insert(name, self.value(depth + 1)?);
                }
                Value::Object(fields)
            }
            _ => return Err(bad("a tag is not known")),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_survive_to_the_bit() {
        let numbers = json!([0, -1, u64::MAX, i64::MIN, 0.1, 1e300, 5e-324, 2.5e-5, -0.0, 1.0]);
        let value = json!({ "z": null, "a": [true, false, "", "é\u{0}"], "numbers": numbers, "": {} });
        let read = json_from_bytes(&json_to_bytes(&value).unwrap()).unwrap();
        assert_eq!((&read, read.to_string()), (&value, value.to_string()), "the order of fields as well");
    }

    #[test]
    fn what_is_cut_or_wrong_is_refused() {
        let bytes = json_to_bytes(&json!({ "a": [1, "text"] })).unwrap();
        for end in 1..bytes.len() {
            assert!(json_from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        for wrong in [&[9][..], &[0, 0], &[6, 1, 0, 0, 0, 255], &[7, 255, 255, 255, 255]] {
            assert!(json_from_bytes(wrong).is_err(), "{wrong:?}");
        }
        assert!(json_from_bytes(&[&[5], &f64::NAN.to_le_bytes()[..]].concat()).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let deep = (0..300).fold(Value::Null, |inner, _| json!([inner]));
        assert!(json_to_bytes(&deep).is_err());
        let bytes: Vec<u8> = std::iter::repeat_n([7, 1, 0, 0, 0], 100_000).flatten().collect();
        assert!(json_from_bytes(&bytes).is_err());
    }
}

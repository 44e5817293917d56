use crate::failure::Failure;
use crate::value::Value;

/// A list out of its elements, without those that are optional and null.
pub(crate) fn list(items: Vec<Value>, optional: &[bool]) -> Value {
    let kept = items.into_iter().zip(optional).filter(|(item, optional)| !(**optional && is_none(item)));
    Value::List(kept.map(|(item, _)| item).collect())
}

fn is_none(value: &Value) -> bool {
    matches!(value, Value::Null)
}

/// A map out of its keys and values in turn, without values that are optional and null.
pub(crate) fn map(parts: Vec<Value>, optional: &[bool]) -> Result<Value, Failure> {
    let mut entries: Vec<(Value, Value)> = Vec::with_capacity(parts.len() / 2);
    let mut parts = parts.into_iter();
    let mut optional = optional.iter();
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        if optional.next() == Some(&true) && is_none(&value) {
            continue;
        }
        if !matches!(key, Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::String(_)) {
            let message = format!("a key of a map is bool, int, uint or string, not {}", key.type_name());
            return Err(Failure::new("no_such_overload", message));
        }
        if entries.iter().any(|(found, _)| found.equals(&key)) {
            let message = format!("the map has the key {} twice", crate::convert::text(&key));
            return Err(Failure::new("repeated_key", message));
        }
        entries.push((key, value));
    }
    Ok(Value::Map(entries.into()))
}

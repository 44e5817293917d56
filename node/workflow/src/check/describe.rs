use serde_json::Value as Json;

use crate::yaml::{Node, Typed, Value};

/// The names of JSON Schema's types in words.
pub(super) fn type_words(types: &[&str]) -> String {
    let mut words: Vec<&str> = types
        .iter()
        .filter(|name| **name != "null")
        .map(|name| match *name {
            "string" => "text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "`true` or `false`",
            "array" => "a list",
            "object" => "a mapping",
            other => other,
        })
        .collect();
    words.dedup();
    match words.as_slice() {
        [] => "left out".to_owned(),
        [single] => (*single).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The types a schema names; empty for any.
pub(super) fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What stands there, in words; never what a variable holds.
pub(super) fn found(node: &Node) -> String {
    let scalar = match &node.value {
        Value::List(_) => return "a list".to_owned(),
        Value::Map(_) => return "a mapping".to_owned(),
        Value::Scalar(scalar) => scalar,
    };
    let kind = match scalar.natural() {
        Typed::Null | Typed::Unknown => return "nothing".to_owned(),
        Typed::Bool(_) => "a boolean",
        Typed::Number(number) if number.is_f64() => "a number with a fraction",
        Typed::Number(_) => "a number",
        Typed::Text(_) | Typed::Either(..) => "text",
    };
    if scalar.interpolated { format!("{kind} (`{}`)", shorten(&scalar.written)) } else { kind.to_owned() }
}

/// How to mend a value of the wrong type, where that is obvious.
pub(super) fn fix(node: &Node, types: &[&str]) -> Option<String> {
    let wants = |name: &str| types.contains(&name);
    let scalar = match &node.value {
        Value::Scalar(scalar) => scalar,
        Value::List(items) if items.len() == 1 && !wants("object") => {
            return Some("give the value without `[` `]` or `-`".to_owned());
        }
        _ => return None,
    };
    let written = shorten(&scalar.written);
    match &scalar.typed {
        Typed::Null => Some("give a value, or remove the key".to_owned()),
        Typed::Bool(_) | Typed::Number(_) if wants("string") => {
            Some(format!("put it into quotes: \"{written}\""))
        }
        Typed::Text(_) if wants("boolean") && !scalar.interpolated => {
            match scalar.written.to_lowercase().as_str() {
                "yes" | "on" | "y" | "true" | "1" => Some("write `true`".to_owned()),
                "no" | "off" | "n" | "false" | "0" => Some("write `false`".to_owned()),
                _ => None,
            }
        }
        Typed::Text(text) if wants("integer") || wants("number") => {
            let number = text.parse::<i64>().is_ok() || (wants("number") && text.parse::<f64>().is_ok());
            (number && !scalar.interpolated).then(|| format!("remove the quotes: {written}"))
        }
        _ if wants("array") => Some(format!("write a list: [{written}]")),
        _ => None,
    }
}

/// A value for a message.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 80;
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    if line.chars().count() <= SHOWN && line.len() == text.len() {
        return line.to_owned();
    }
    let start: String = line.chars().take(SHOWN).collect();
    format!("{start}…")
}

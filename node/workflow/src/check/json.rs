use std::collections::HashSet;

use serde_json::Value as Json;

use crate::yaml::{Node, Typed, Value};

/// The value as connectors see it; values in `as_text` become text although the variable looks like something else.
pub(crate) fn to_json(node: &Node, as_text: &HashSet<usize>) -> Json {
    match &node.value {
        Value::Scalar(scalar) => match (&scalar.typed, as_text.contains(&node.id)) {
            (Typed::Either(_, text), true) => Json::String(text.clone()),
            _ => natural(scalar.natural()),
        },
        Value::List(items) => items.iter().map(|item| to_json(item, as_text)).collect(),
        Value::Map(map) => Json::Object(
            map.entries
                .iter()
                .map(|entry| (entry.key.text.clone(), to_json(&entry.value, as_text)))
                .collect(),
        ),
    }
}

fn natural(typed: &Typed) -> Json {
    match typed {
        Typed::Null | Typed::Unknown => Json::Null,
        Typed::Bool(value) => Json::Bool(*value),
        Typed::Number(number) => Json::Number(number.clone()),
        Typed::Text(text) => Json::String(text.clone()),
        Typed::Either(natural_value, _) => natural(natural_value),
    }
}

use crate::codes;
use crate::sink::Sink;
use crate::yaml::{Map, Node, Part, Value};

/// Reports secrets outside of the `config` of steps.
pub(super) fn secrets(workflow: &Map, sink: &mut Sink) {
    for entry in &workflow.entries {
        match entry.key.text.as_str() {
            "source" | "destination" => step(&entry.value, sink),
            "sources" | "destinations" | "transformations" => match &entry.value.value {
                Value::Map(map) => map.entries.iter().for_each(|entry| step(&entry.value, sink)),
                Value::List(items) => items.iter().for_each(|item| step(item, sink)),
                Value::Scalar(_) => anywhere(&entry.value, sink),
            },
            _ => anywhere(&entry.value, sink),
        }
    }
}

fn step(node: &Node, sink: &mut Sink) {
    match node.map() {
        None => anywhere(node, sink),
        Some(map) => map
            .entries
            .iter()
            .filter(|entry| entry.key.text != "config")
            .for_each(|entry| anywhere(&entry.value, sink)),
    }
}

fn anywhere(node: &Node, sink: &mut Sink) {
    match &node.value {
        Value::Map(map) => map.entries.iter().for_each(|entry| anywhere(&entry.value, sink)),
        Value::List(items) => items.iter().for_each(|item| anywhere(item, sink)),
        Value::Scalar(scalar) => {
            for part in &scalar.secret_parts {
                if let Part::Secret(name) = part {
                    let message = format!("the secret `{name}` is used outside of a step's `config`");
                    sink.error(node.mark, codes::MISPLACED_SECRET, message, None);
                }
            }
        }
    }
}

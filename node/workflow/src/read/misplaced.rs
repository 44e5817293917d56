use crate::codes;
use crate::sink::Sink;
use crate::yaml::{Map, Node, Part, Value};

/// Keys of a workflow that are the same for all of its runs.
const FIXED: [&str; 6] = ["name", "parameters", "schedule", "timezone", "overlap", "catch_up"];
/// Keys of a step that may be another in every run.
const FREE: [&str; 5] = ["config", "rate_limit", "circuit_breaker", "timeout", "retry"];

/// Reports what depends on the run where it must not.
pub(super) fn parameters(workflow: &Map, sink: &mut Sink) {
    for entry in &workflow.entries {
        match entry.key.text.as_str() {
            "source" | "destination" => fixed_of_step(&entry.value, sink),
            "sources" | "destinations" | "transformations" => match &entry.value.value {
                Value::Map(map) => map.entries.iter().for_each(|entry| fixed_of_step(&entry.value, sink)),
                Value::List(items) => items.iter().for_each(|item| fixed_of_step(item, sink)),
                Value::Scalar(_) => fixed(&entry.value, sink),
            },
            key if FIXED.contains(&key) => fixed(&entry.value, sink),
            _ => {}
        }
    }
}

fn fixed_of_step(node: &Node, sink: &mut Sink) {
    let entries = node.map().map_or(&[][..], |map| &map.entries);
    let others = entries.iter().filter(|entry| !FREE.contains(&entry.key.text.as_str()));
    others.for_each(|entry| match entry.key.text.as_str() {
        "fallback" => fixed_of_step(&entry.value, sink),
        _ => fixed(&entry.value, sink),
    });
}

fn fixed(node: &Node, sink: &mut Sink) {
    match &node.value {
        Value::Map(map) => map.entries.iter().for_each(|entry| fixed(&entry.value, sink)),
        Value::List(items) => items.iter().for_each(|item| fixed(item, sink)),
        Value::Scalar(scalar) if scalar.of_run => {
            let message = "what is the same for all runs cannot depend on one";
            let help = "write the value itself, or use the parameter in the `config` of a step";
            sink.error(node.mark, codes::MISPLACED_PARAMETER, message, Some(help.to_owned()));
        }
        Value::Scalar(_) => {}
    }
}

/// Reports secrets outside of the `config` of steps and of the rules that become one.
pub(super) fn secrets(workflow: &Map, sink: &mut Sink) {
    for entry in &workflow.entries {
        match entry.key.text.as_str() {
            "source" | "destination" => step(&entry.value, sink),
            "sources" | "destinations" | "transformations" => match &entry.value.value {
                Value::Map(map) => map.entries.iter().for_each(|entry| step(&entry.value, sink)),
                Value::List(items) => items.iter().for_each(|item| step(item, sink)),
                Value::Scalar(_) => anywhere(&entry.value, sink),
            },
            "data_protection" => all_but(&["masking_rules", "viewing"], &entry.value, sink),
            _ => anywhere(&entry.value, sink),
        }
    }
}

fn step(node: &Node, sink: &mut Sink) {
    all_but(&["config", "fallback"], node, sink);
    if let Some(fallback) = node.map().and_then(|map| map.get("fallback")) {
        all_but(&["config"], fallback, sink);
    }
}

fn all_but(keys: &[&str], node: &Node, sink: &mut Sink) {
    match node.map() {
        None => anywhere(node, sink),
        Some(map) => map
            .entries
            .iter()
            .filter(|entry| !keys.contains(&entry.key.text.as_str()))
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

use std::fmt::Write;

use etl_model::{OnError, SyncMode};
use serde_json::Value as Json;
use xxhash_rust::xxh3::xxh3_128;

use crate::workflow::{Step, Workflow};
use crate::yaml::Part;

/// The hash by which an interrupted run recognises that its workflow was changed.
///
/// Covers the name, `sync`, and of every step its name, type, inputs, `config` and `on_error`: what decides which
/// records arrive where and how they look. Left out are the description, comments, formatting, the order of keys, the
/// form, the values of secrets, and settings that only say when, how fast or how carefully it is done (`schedule` and what
/// stands beside it, `parallelism`, `retry`, `commit_interval`, `delivery`).
///
/// XXH3 with 128 bits: it guards against changes, not against attackers, is stable over versions and machines by
/// specification, and is already used in the data plane. The prefix names the version of the text that is hashed.
pub(crate) fn meaning(workflow: &Workflow) -> String {
    let mut text = String::new();
    string(&mut text, workflow.name.as_str());
    text.push_str(match workflow.settings.sync {
        SyncMode::Full => "full",
        SyncMode::Incremental => "incremental",
    });
    for (role, steps) in [
        ("source", &workflow.sources),
        ("transformation", &workflow.transformations),
        ("destination", &workflow.destinations),
    ] {
        let mut steps: Vec<&Step> = steps.iter().collect();
        steps.sort_by(|a, b| a.name.cmp(&b.name));
        for step in steps {
            text.push('\n');
            text.push_str(role);
            describe(&mut text, step);
        }
    }
    format!("v1-{:032x}", xxh3_128(text.as_bytes()))
}

fn describe(text: &mut String, step: &Step) {
    string(text, step.name.as_str());
    string(text, &step.kind);
    text.push_str(match step.on_error {
        OnError::Fail => "fail",
        OnError::DeadLetter => "dead_letter",
        OnError::Skip => "skip",
        OnError::Retry => "retry",
    });
    // The order of inputs is kept: a destination may put their records in that order.
    for input in &step.inputs {
        string(text, input.as_str());
    }
    canonical(text, step.config.shown());
    // A reference to a secret differs from the same characters as text.
    for secret in &step.config.secrets {
        for segment in &secret.path {
            match segment {
                etl_sdk::PathSegment::Key(key) => string(text, key),
                etl_sdk::PathSegment::Index(index) => {
                    let _ = write!(text, "[{index}]");
                }
            }
        }
        for part in &secret.parts {
            match part {
                Part::Text(literal) => string(text, literal),
                Part::Secret(name) => {
                    text.push('$');
                    string(text, name);
                }
            }
        }
    }
}

/// JSON without spaces and with sorted keys.
fn canonical(text: &mut String, value: &Json) {
    match value {
        Json::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (key, value) in entries {
                string(text, key);
                canonical(text, value);
            }
            text.push('}');
        }
        Json::Array(items) => {
            text.push('[');
            for item in items {
                canonical(text, item);
                text.push(',');
            }
            text.push(']');
        }
        Json::String(content) => string(text, content),
        other => {
            // Writing to a String cannot fail.
            let _ = write!(text, "{other};");
        }
    }
}

/// Length first, so that neighbours cannot be confused.
fn string(text: &mut String, content: &str) {
    let _ = write!(text, "{}:{content}", content.len());
}

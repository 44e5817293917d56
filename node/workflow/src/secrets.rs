use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use etl_sdk::PathSegment;
use serde_json::Value as Json;

use crate::interpolate::shown;
use crate::yaml::{Node, Part, Value};

/// A text with references to secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretText {
    /// Where in the `config`.
    pub path: Vec<PathSegment>,
    pub parts: Vec<Part>,
}

impl SecretText {
    /// The secrets it refers to.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Secret(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }
}

/// The `config` of a step; dereferences to the JSON that connectors take.
///
/// References to secrets are text of the form `${secret:name}` until [`crate::Workflow::resolve_secrets`] puts the
/// values in. `Debug`, `Display` and [`StepConfig::shown`] give the references even then, never the values.
#[derive(Clone)]
pub struct StepConfig {
    value: Json,
    shown: Json,
    pub(crate) secrets: Vec<SecretText>,
    /// Values of the secrets, once they are known; only to keep them out of messages.
    values: BTreeMap<String, String>,
}

impl StepConfig {
    pub(crate) fn new(value: Json, secrets: Vec<SecretText>) -> Self {
        Self { shown: value.clone(), value, secrets, values: BTreeMap::new() }
    }

    /// The `config` with references instead of secrets.
    pub fn shown(&self) -> &Json {
        &self.shown
    }

    /// The names of the secrets it refers to.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().flat_map(SecretText::names)
    }

    /// Replaces every text with secrets, and every secret, by its reference.
    pub(crate) fn redact(&self, message: &str) -> String {
        let mut message = message.to_owned();
        for secret in &self.secrets {
            let shown: String = secret.parts.iter().map(shown).collect();
            let value = find(&self.value, &secret.path).and_then(Json::as_str).unwrap_or_default();
            if !value.is_empty() && value != shown {
                message = message.replace(value, &shown);
            }
            for (reference, value) in secret.names().filter_map(|name| Some((name, self.values.get(name)?))) {
                if !value.is_empty() {
                    message = message.replace(value.as_str(), &format!("${{secret:{reference}}}"));
                }
            }
        }
        message
    }

    /// The same `config` with values in place of references; names without a value stay references.
    pub(crate) fn resolved(&self, values: &BTreeMap<&str, String>) -> Self {
        let mut value = self.shown.clone();
        for secret in &self.secrets {
            let text: String = secret
                .parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.as_str(),
                    Part::Secret(name) => values.get(name.as_str()).map_or("", String::as_str),
                })
                .collect();
            if let Some(place) = find_mut(&mut value, &secret.path) {
                *place = Json::String(text);
            }
        }
        let own = self
            .secret_names()
            .filter_map(|name| Some((name.to_owned(), values.get(name)?.clone())))
            .collect();
        Self { value, shown: self.shown.clone(), secrets: self.secrets.clone(), values: own }
    }
}

impl Deref for StepConfig {
    type Target = Json;

    fn deref(&self) -> &Json {
        &self.value
    }
}

impl fmt::Debug for StepConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.shown, f)
    }
}

impl fmt::Display for StepConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.shown, f)
    }
}

fn find<'j>(value: &'j Json, path: &[PathSegment]) -> Option<&'j Json> {
    path.iter().try_fold(value, |value, segment| match segment {
        PathSegment::Key(key) => value.get(key.as_str()),
        PathSegment::Index(index) => value.get(*index),
    })
}

fn find_mut<'j>(value: &'j mut Json, path: &[PathSegment]) -> Option<&'j mut Json> {
    path.iter().try_fold(value, |value, segment| match segment {
        PathSegment::Key(key) => value.get_mut(key.as_str()),
        PathSegment::Index(index) => value.get_mut(*index),
    })
}

/// All texts inside that refer to secrets.
pub(crate) fn secret_texts(node: &Node) -> Vec<SecretText> {
    let mut found = Vec::new();
    collect(node, &mut Vec::new(), &mut found);
    found
}

fn collect(node: &Node, path: &mut Vec<PathSegment>, found: &mut Vec<SecretText>) {
    match &node.value {
        Value::Scalar(scalar) if scalar.secret_parts.is_empty() => {}
        Value::Scalar(scalar) => {
            found.push(SecretText { path: path.clone(), parts: scalar.secret_parts.clone() });
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.into());
                collect(item, path, found);
                path.pop();
            }
        }
        Value::Map(map) => {
            for entry in &map.entries {
                path.push(entry.key.text.as_str().into());
                collect(&entry.value, path, found);
                path.pop();
            }
        }
    }
}

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use etl_workflow::{Place, did_you_mean};
use serde_json::Value as Json;

use super::faults::{Faults, MISSING_FIELD, UNKNOWN_FIELD, WRONG_TYPE};
use super::tree::{Entry, Node, Value};

/// The fields of a mapping whose names are known.
pub(super) struct Fields<'n> {
    what: &'n str,
    place: Place,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// Reports a value that is no mapping, and fields that are not `known`.
    pub fn of(node: &'n Node, what: &'n str, known: &[&str], faults: &mut Faults) -> Option<Self> {
        let entries = map(node, what, faults)?;
        for Entry { key, place, .. } in entries {
            if !known.contains(&key.as_str()) {
                let free: Vec<&str> = known
                    .iter()
                    .copied()
                    .filter(|name| entries.iter().all(|entry| entry.key != *name))
                    .collect();
                let message = format!("unknown field `{key}` in `{what}`");
                faults.add(*place, UNKNOWN_FIELD, message, did_you_mean(key, &free));
            }
        }
        Some(Self { what, place: node.place, entries })
    }

    /// The value of a field, if it is given.
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        Some(&entry.value).filter(|value| !value.is_null())
    }

    /// The value of a field that must be given.
    pub fn required(&self, name: &str, faults: &mut Faults) -> Option<&'n Node> {
        let found = self.get(name);
        if found.is_none() {
            faults.add(self.place, MISSING_FIELD, format!("`{}` has no `{name}`", self.what), None);
        }
        found
    }
}

fn wrong(node: &Node, what: &str, wanted: &str, faults: &mut Faults) {
    faults.add(node.place, WRONG_TYPE, format!("`{what}` must be {wanted}"), None);
}

/// The entries of a mapping.
pub(super) fn map<'n>(node: &'n Node, what: &str, faults: &mut Faults) -> Option<&'n [Entry]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        _ => {
            wrong(node, what, "a mapping", faults);
            None
        }
    }
}

/// The items of a list.
pub(super) fn list<'n>(node: &'n Node, what: &str, faults: &mut Faults) -> Option<&'n [Node]> {
    match &node.value {
        Value::List(items) => Some(items),
        _ => {
            wrong(node, what, "a list", faults);
            None
        }
    }
}

/// A text.
pub(super) fn text(node: &Node, what: &str, faults: &mut Faults) -> Option<String> {
    match &node.value {
        Value::Scalar(Json::String(text)) => Some(text.clone()),
        _ => {
            wrong(node, what, "text; put it into quotes", faults);
            None
        }
    }
}

/// A text, number or boolean as the text that a command line or the environment would have.
pub(super) fn word(node: &Node, what: &str, faults: &mut Faults) -> Option<String> {
    match &node.value {
        Value::Scalar(Json::String(text)) => Some(text.clone()),
        Value::Scalar(scalar @ (Json::Number(_) | Json::Bool(_))) => Some(scalar.to_string()),
        _ => {
            wrong(node, what, "text, a number or a boolean", faults);
            None
        }
    }
}

/// Names with their texts, numbers or booleans.
pub(super) fn words(node: &Node, what: &str, faults: &mut Faults) -> BTreeMap<String, String> {
    let entries = map(node, what, faults).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| Some((entry.key.clone(), word(&entry.value, &entry.key, faults)?)))
        .collect()
}

/// A whole number that is not negative.
pub(super) fn number(node: &Node, what: &str, faults: &mut Faults) -> Option<u64> {
    let found = match &node.value {
        Value::Scalar(scalar) => scalar.as_u64(),
        _ => None,
    };
    if found.is_none() {
        wrong(node, what, "a whole number", faults);
    }
    found
}

/// A point in time.
pub(super) fn moment(node: &Node, what: &str, faults: &mut Faults) -> Option<DateTime<Utc>> {
    let found = match &node.value {
        Value::Scalar(Json::String(text)) => text.parse().ok(),
        _ => None,
    };
    if found.is_none() {
        wrong(node, what, "a time such as 2026-01-31T12:00:00Z", faults);
    }
    found
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node, what: &str, faults: &mut Faults) -> Option<bool> {
    match &node.value {
        Value::Scalar(Json::Bool(value)) => Some(*value),
        _ => {
            wrong(node, what, "true or false", faults);
            None
        }
    }
}

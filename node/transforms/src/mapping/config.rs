use std::collections::{BTreeMap, BTreeSet, HashMap};

use etl_expr::Expression;
use etl_sdk::FieldError;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::expression;
use crate::mapping::keep::Keep;

/// Builds new records out of the fields of old ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingConfig {
    /// The fields to compute, in their order.
    #[serde(default)]
    mappings: Vec<MappingEntry>,
    /// Source fields to carry over unchanged: a list of names, or `"*"` for all. Without it a record has only the
    /// fields that `mappings` names.
    keep: Option<Keep>,
    /// Source fields that `keep: "*"` leaves out.
    #[serde(default)]
    drop: Vec<String>,
    /// New names of kept fields: `old: new`.
    #[serde(default)]
    rename: BTreeMap<String, String>,
}

/// One field of the new record: exactly one of `source`, `expression` and `constant`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MappingEntry {
    /// A source field, or a dotted path to one: `address.city`.
    source: Option<String>,
    /// A CEL expression: `int(amount * 100.0)`.
    expression: Option<String>,
    /// The same value for every record: a scalar, a list, or a map.
    #[serde(default, deserialize_with = "present")]
    constant: Option<serde_json::Value>,
    /// Where the value goes; dots make nested records: `user.firstName`.
    destination: String,
    /// With `source`: a record whose batch has no such field gets null instead of failing.
    #[serde(default)]
    optional: bool,
}

/// Tells `constant: null` from no constant.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(Some)
}

/// A mapping without contradictions.
#[derive(Debug)]
pub(crate) struct MappingRules {
    pub keep: Option<Keep>,
    pub drop: BTreeSet<String>,
    pub rename: BTreeMap<String, String>,
    pub items: Vec<Item>,
}

/// One computed field.
#[derive(Debug)]
pub(crate) struct Item {
    pub value: Expression,
    /// The path is a source that must exist in the schema.
    pub required_source: bool,
    /// At least one segment, none empty.
    pub destination: Vec<String>,
}

impl MappingConfig {
    /// Checks everything that needs no data, and reports all faults.
    pub fn validate(self) -> Result<MappingRules, Vec<FieldError>> {
        let mut errors = Vec::new();
        let items: Vec<Option<Item>> =
            self.mappings.iter().enumerate().map(|(i, entry)| item(i, entry, &mut errors)).collect();
        check_destinations(&items, &mut errors);
        if self.mappings.is_empty() && self.keep.is_none() {
            errors.push(
                FieldError::new("empty_mapping", "the mapping yields records without fields")
                    .with_help("name fields in `mappings`, or carry them over with `keep`"),
            );
        }
        self.check_kept(&items, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(MappingRules {
            keep: self.keep,
            drop: self.drop.into_iter().collect(),
            rename: self.rename,
            items: items.into_iter().flatten().collect(),
        })
    }

    fn check_kept(&self, items: &[Option<Item>], errors: &mut Vec<FieldError>) {
        let listed: &[String] = match &self.keep {
            Some(Keep::Fields(fields)) => fields,
            _ => &[],
        };
        if !self.drop.is_empty() && self.keep != Some(Keep::All) {
            errors.push(
                FieldError::new(
                    "drop_without_keep_all",
                    "`drop` has nothing to leave out without `keep: \"*\"`",
                )
                .at("drop")
                .with_help("write `keep: \"*\"`, or remove `drop`"),
            );
        }
        for (i, field) in self.drop.iter().enumerate() {
            if listed.contains(field) {
                errors.push(
                    FieldError::new("kept_and_dropped", format!("`{field}` is kept and dropped"))
                        .at("drop")
                        .at(i),
                );
            }
        }
        for (i, field) in listed.iter().enumerate() {
            if listed.iter().take(i).any(|earlier| earlier == field) {
                errors.push(
                    FieldError::new("duplicate_field", format!("`{field}` is kept twice")).at("keep").at(i),
                );
            }
        }
        if !self.rename.is_empty() && self.keep.is_none() {
            errors.push(
                FieldError::new(
                    "rename_without_keep",
                    "`rename` gives kept fields new names, and none is kept",
                )
                .at("rename")
                .with_help("add `keep`, or use `mappings` with `source` and `destination`"),
            );
        }
        for (old, new) in &self.rename {
            let mut fault = |code, message: String| {
                errors.push(FieldError::new(code, message).at("rename").at(old.as_str()));
            };
            if new.is_empty() {
                fault("empty_name", format!("the new name of `{old}` is empty"));
            }
            if self.drop.contains(old) {
                fault("kept_and_dropped", format!("`{old}` is renamed and dropped"));
            } else if matches!(self.keep, Some(Keep::Fields(_))) && !listed.contains(old) {
                fault("rename_without_keep", format!("`{old}` is renamed but not kept"));
            }
            if self.rename.iter().any(|(other, name)| other < old && name == new) {
                fault("duplicate_field", format!("two fields are renamed to `{new}`"));
            }
        }
        let kept_names: HashMap<&str, &str> = listed
            .iter()
            .map(|old| (self.rename.get(old).map_or(old.as_str(), String::as_str), old.as_str()))
            .collect();
        for old in listed {
            let name = self.rename.get(old).unwrap_or(old);
            if kept_names.get(name.as_str()).is_some_and(|other| other != old) {
                errors.push(
                    FieldError::new("duplicate_field", format!("two kept fields would be called `{name}`"))
                        .at("keep"),
                );
            }
        }
        for (i, item) in items.iter().enumerate() {
            let Some(top) = item.as_ref().and_then(|item| item.destination.first()) else { continue };
            let renamed = self.rename.values().any(|name| name == top);
            if renamed || kept_names.contains_key(top.as_str()) {
                let message = format!("`{top}` is both a kept field and the destination of a mapping");
                errors.push(
                    FieldError::new("duplicate_destination", message).at("mappings").at(i).at("destination"),
                );
            }
        }
    }
}

fn item(i: usize, entry: &MappingEntry, errors: &mut Vec<FieldError>) -> Option<Item> {
    let at = |error: FieldError| error.at("mappings").at(i);
    let mut required_source = false;
    let value = match (&entry.source, &entry.expression, &entry.constant) {
        (Some(source), None, None) => {
            required_source = !entry.optional;
            if source.split('.').any(str::is_empty) {
                errors.push(
                    at(FieldError::new("invalid_path", format!("`{source}` is not a path"))).at("source"),
                );
                None
            } else {
                Some(Expression::path(source))
            }
        }
        (None, Some(text), None) => match expression::parse(text, |error| at_front(error, i)) {
            Ok(expression) => Some(expression),
            Err(faults) => {
                errors.extend(faults);
                None
            }
        },
        (None, None, Some(constant)) => Some(Expression::constant(constant)),
        _ => {
            errors.push(at(FieldError::new(
                "one_value",
                "a mapping has exactly one of `source`, `expression` and `constant`",
            )));
            None
        }
    };
    if entry.optional && entry.source.is_none() {
        let error = FieldError::new("optional_without_source", "`optional` belongs to `source`");
        errors.push(
            at(error).at("optional").with_help("in an expression, write `field != null ? field : null`"),
        );
    }
    let destination: Vec<String> = entry.destination.split('.').map(str::to_owned).collect();
    if destination.iter().any(String::is_empty) {
        let message = format!("`{}` is not a name or dotted path", entry.destination);
        errors.push(at(FieldError::new("invalid_path", message)).at("destination"));
        return None;
    }
    value.map(|value| Item { value, required_source, destination })
}

fn at_front(error: FieldError, i: usize) -> FieldError {
    error.at("mappings").at(i).at("expression")
}

/// No destination twice, and none inside another.
fn check_destinations(items: &[Option<Item>], errors: &mut Vec<FieldError>) {
    let mut seen: HashMap<&[String], usize> = HashMap::new();
    let mut parents: HashMap<&[String], usize> = HashMap::new();
    for (i, item) in items.iter().enumerate() {
        let Some(Item { destination, .. }) = item else { continue };
        let path = destination.join(".");
        let mut fault = |message: String| {
            errors.push(
                FieldError::new("duplicate_destination", message).at("mappings").at(i).at("destination"),
            );
        };
        let prefixes = || (1..destination.len()).filter_map(|length| destination.get(..length));
        if seen.contains_key(destination.as_slice()) {
            fault(format!("`{path}` is the destination of two mappings"));
        } else if let Some(other) = parents.get(destination.as_slice()).and_then(|i| items.get(*i)?.as_ref())
        {
            fault(format!(
                "`{path}` cannot be a value, because `{}` lies inside it",
                other.destination.join(".")
            ));
        } else if let Some(parent) = prefixes().find(|prefix| seen.contains_key(prefix)) {
            fault(format!("`{path}` lies inside `{}`, which is a value", parent.join(".")));
        }
        seen.entry(destination).or_insert(i);
        for prefix in prefixes() {
            parents.entry(prefix).or_insert(i);
        }
    }
}

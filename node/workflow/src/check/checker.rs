use std::collections::HashSet;

use serde_json::{Map as JsonMap, Value as Json};

use crate::check::describe::{fix, found, type_words, types};
use crate::check::suggest::one_of;
use crate::check::{At, did_you_mean, scalars, suggest, union};
use crate::codes;
use crate::sink::Issue;
use crate::yaml::{Map, Node, Typed, Value};

/// Values visited in one check, counting every attempt; a schema that needs more is left to the connector.
const MAX_STEPS: usize = 1_000_000;
/// References followed without reaching a value.
const MAX_REFERENCES: usize = 32;

/// What a check found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub issues: Vec<Issue>,
    /// Ids of values that are text here, although the variable in them looks like a number or boolean.
    pub as_text: HashSet<usize>,
}

impl Verdict {
    pub(super) fn report(&mut self, at: &At<'_>, code: &'static str, message: String, help: Option<String>) {
        self.issues.push(Issue { mark: at.mark, code, message, help });
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.issues.extend(other.issues);
        self.as_text.extend(other.as_text);
    }
}

/// Checks a value against a schema that may refer to its own `$defs`. `reserved` are keys of the value itself that
/// the language knows but does not offer yet.
pub(crate) fn check(node: &Node, schema: &Json, at: &At<'_>, reserved: &[&str]) -> Verdict {
    let mut checker = Checker { root: schema, reserved, steps: 0 };
    let mut verdict = Verdict::default();
    checker.value(node, schema, at, 0, &mut verdict);
    verdict
}

pub(super) struct Checker<'a> {
    root: &'a Json,
    reserved: &'a [&'a str],
    steps: usize,
}

impl<'a> Checker<'a> {
    /// Checks one value; `references` counts how many were followed since the last value.
    pub(super) fn value(
        &mut self,
        node: &Node,
        schema: &'a Json,
        at: &At<'_>,
        references: usize,
        verdict: &mut Verdict,
    ) {
        self.steps += 1;
        if self.steps > MAX_STEPS
            || references > MAX_REFERENCES
            || node.scalar().is_some_and(|s| s.is_unknown())
        {
            return;
        }
        let Json::Object(keywords) = schema else {
            if schema == &Json::Bool(false) {
                verdict.report(at, codes::NOT_ALLOWED, format!("`{at}` cannot be given here"), None);
            }
            return;
        };
        if let Some(target) = self.target(keywords) {
            self.value(node, target, at, references + 1, verdict);
        }
        for part in list(keywords, "allOf") {
            self.value(node, part, at, references + 1, verdict);
        }
        for name in ["anyOf", "oneOf"] {
            if keywords.contains_key(name) {
                union::check(self, node, list(keywords, name), at, references, verdict);
            }
        }
        let wanted = types(schema);
        let Some(as_text) = accepts(node, &wanted) else {
            return wrong_type(node, &wanted, schema, at, verdict);
        };
        if as_text {
            verdict.as_text.insert(node.id);
        }
        scalars::fixed(node, keywords, at, verdict);
        match &node.value {
            Value::Scalar(scalar) => scalars::bounds(scalar, as_text, keywords, at, verdict),
            Value::List(items) => self.list(items, keywords, at, verdict),
            Value::Map(map) => self.map(map, keywords, at, verdict),
        }
    }

    /// What `$ref` names.
    pub(super) fn target(&self, keywords: &JsonMap<String, Json>) -> Option<&'a Json> {
        let pointer = keywords.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    fn list(
        &mut self,
        items: &[Node],
        keywords: &'a JsonMap<String, Json>,
        at: &At<'_>,
        verdict: &mut Verdict,
    ) {
        scalars::count(items.len(), ("minItems", "maxItems"), "entries", keywords, at, verdict);
        let prefix = list(keywords, "prefixItems");
        for (index, item) in items.iter().enumerate() {
            let schema = prefix.get(index).or_else(|| keywords.get("items"));
            if let Some(schema) = schema {
                self.value(item, schema, &at.index(index, item.mark), 0, verdict);
            }
        }
    }

    fn map(&mut self, map: &Map, keywords: &'a JsonMap<String, Json>, at: &At<'_>, verdict: &mut Verdict) {
        scalars::count(
            map.entries.len(),
            ("minProperties", "maxProperties"),
            "entries",
            keywords,
            at,
            verdict,
        );
        let reserved = std::mem::take(&mut self.reserved);
        let properties = keywords.get("properties").and_then(Json::as_object);
        let free: Vec<&str> = properties
            .into_iter()
            .flat_map(|known| known.keys())
            .map(String::as_str)
            .filter(|name| map.entry(name).is_none())
            .collect();
        let mut meant = Vec::new();
        for entry in &map.entries {
            let name = entry.key.text.as_str();
            let inside = at.key(name, entry.key.mark);
            let schema = properties.and_then(|known| known.get(name));
            match schema.or_else(|| keywords.get("additionalProperties")) {
                Some(Json::Bool(false)) if schema.is_none() && reserved.contains(&name) => {
                    let message = format!("`{name}` is part of the language but not built yet");
                    verdict.report(&inside, codes::NOT_BUILT, message, Some("remove it for now".to_owned()));
                }
                Some(Json::Bool(false)) if schema.is_none() => {
                    meant.extend(suggest(name, free.iter().copied()));
                    let message = format!("unknown field `{name}` in `{at}`");
                    let help = did_you_mean(name, &free);
                    verdict.report(&inside, codes::UNKNOWN_FIELD, message, help);
                }
                Some(schema) => self.value(&entry.value, schema, &inside, 0, verdict),
                None => {}
            }
        }
        for name in list(keywords, "required").iter().filter_map(Json::as_str) {
            // A misspelt field is one error, not two.
            if map.entry(name).is_none() && !meant.contains(&name) {
                let message = format!("`{at}` has no `{name}`");
                verdict.report(at, codes::MISSING_FIELD, message, self.hint(properties, name));
            }
        }
        self.reserved = reserved;
    }

    /// What a missing field is about.
    fn hint(&self, properties: Option<&'a JsonMap<String, Json>>, name: &str) -> Option<String> {
        let schema = properties?.get(name)?.as_object()?;
        let description = schema.get("description").or_else(|| self.target(schema)?.get("description"))?;
        let sentence = description.as_str()?.split("\n\n").next()?.replace('\n', " ");
        Some(format!("`{name}`: {sentence}"))
    }
}

/// The entries of a keyword that holds a list.
pub(super) fn list<'a>(keywords: &'a JsonMap<String, Json>, name: &str) -> &'a [Json] {
    keywords.get(name).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// Whether the value has one of the types (none: any); `Some(true)` if it must be taken as text for that.
pub(super) fn accepts(node: &Node, types: &[&str]) -> Option<bool> {
    if types.is_empty() {
        return Some(false);
    }
    let has = |name: &str| types.contains(&name);
    let fits = |typed: &Typed| match typed {
        Typed::Null => has("null"),
        Typed::Bool(_) => has("boolean"),
        Typed::Number(number) => has("number") || (has("integer") && !number.is_f64()),
        Typed::Text(_) => has("string"),
        Typed::Either(..) | Typed::Unknown => true,
    };
    let natural = match &node.value {
        Value::List(_) => has("array"),
        Value::Map(_) => has("object"),
        Value::Scalar(scalar) => fits(scalar.natural()),
    };
    let either = node.scalar().is_some_and(|scalar| matches!(scalar.typed, Typed::Either(..)));
    match natural {
        true => Some(false),
        false if either && has("string") => Some(true),
        false => None,
    }
}

pub(super) fn wrong_type(node: &Node, types: &[&str], schema: &Json, at: &At<'_>, verdict: &mut Verdict) {
    let at = at.marked(if node.is_null() { at.mark } else { node.mark });
    if scalars::missing_unit(node, schema, &at, verdict) {
        return;
    }
    let message = match node.is_null() {
        true => format!("`{at}` is empty; it must be {}", type_words(types)),
        false => format!("`{at}` must be {}, not {}", type_words(types), found(node)),
    };
    let help = match schema.get("enum").and_then(Json::as_array) {
        Some(values) => {
            let values: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
            Some(format!("use {}", one_of(&values)))
        }
        None => fix(node, types),
    };
    verdict.report(&at, codes::WRONG_TYPE, message, help);
}

use etl_sdk::{FieldError, PathSegment, Registry};
use serde_json::Value as Json;

use crate::check::{At, check, to_json};
use crate::codes;
use crate::read::{Draft, Role, kinds};
use crate::secrets::{SecretText, secret_texts};
use crate::sink::{Issue, Sink};
use crate::source::{Mark, SourceText};
use crate::yaml::{Map, Node, Value, locate};

/// Where a step's `config` came from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The key `config`, or the step if it has none.
    pub mark: Mark,
    /// As in [`Draft::config_path`].
    pub path: String,
    /// An empty mapping if there was none.
    pub node: Node,
}

/// A checked `config`.
#[derive(Clone)]
pub(super) struct Config {
    pub value: Json,
    pub secrets: Vec<SecretText>,
    pub origin: Origin,
}

/// Checks the type and `config` of a step; `None` if something was reported.
pub(super) fn check_config(
    draft: &Draft<'_>,
    registry: &Registry,
    source: &SourceText<'_>,
    sink: &mut Sink,
) -> Option<Config> {
    let (kind, kind_mark) = draft.kind?;
    if !kinds::check(draft, kind, kind_mark, registry, sink) {
        return None;
    }
    let mark = draft.config.map_or(draft.mark, |(mark, _)| mark);
    let node = match draft.config {
        Some((_, node)) if !node.is_null() => node.clone(),
        _ => Node { id: 0, mark, end: mark, value: Value::Map(Map::default()) },
    };
    // Anything else than a mapping has been reported with the step.
    node.map()?;
    let schema = match draft.role {
        Role::Source => &registry.find_source(kind)?.descriptor().schema,
        Role::Transformation => &registry.find_processor(kind)?.descriptor().schema,
        Role::Destination => &registry.find_destination(kind)?.descriptor().schema,
    };
    let path = draft.config_path.clone();
    let verdict = check(&node, schema.as_value(), &At::root(&path, mark), &[]);
    let clean = verdict.issues.is_empty() && !node.is_unknown();
    verdict.issues.into_iter().for_each(|issue| sink.push(issue));
    if !clean {
        return None;
    }
    let config = Config {
        value: to_json(&node, &verdict.as_text),
        secrets: secret_texts(&node),
        origin: Origin { mark, path, node },
    };
    let errors = match draft.role {
        Role::Source => registry.find_source(kind)?.configure(&config.value).err(),
        Role::Transformation => registry.find_processor(kind)?.configure(&config.value).err(),
        Role::Destination => registry.find_destination(kind)?.configure(&config.value).err(),
    };
    // What a secret will hold is not known yet, so a complaint about the reference itself says nothing.
    let errors: Vec<FieldError> =
        errors.into_iter().flatten().filter(|error| !about_secret(error, &config.secrets)).collect();
    if errors.is_empty() {
        return Some(config);
    }
    errors.iter().for_each(|error| sink.push(field_issue(error, &config.origin, source)));
    None
}

fn about_secret(error: &FieldError, secrets: &[SecretText]) -> bool {
    error.message.contains("${secret:") || secrets.iter().any(|secret| secret.path == error.path)
}

/// A connector's error with its place in the file.
pub(crate) fn field_issue(error: &FieldError, origin: &Origin, source: &SourceText<'_>) -> Issue {
    let mut node = &origin.node;
    let mut mark = origin.mark;
    let mut path = origin.path.clone();
    let mut complete = true;
    for segment in &error.path {
        let next = match (&node.value, segment) {
            (Value::Map(map), PathSegment::Key(key)) => {
                map.entry(key).map(|entry| (&entry.value, entry.key.mark))
            }
            (Value::List(items), PathSegment::Index(index)) => {
                items.get(*index).map(|item| (item, item.mark))
            }
            _ => None,
        };
        match segment {
            PathSegment::Key(key) => path.push_str(&format!(".{key}")),
            PathSegment::Index(index) => path.push_str(&format!("[{index}]")),
        }
        match next.filter(|_| complete) {
            Some((value, at)) => (node, mark) = (value, at),
            None => complete = false,
        }
    }
    let mut suffix = String::new();
    if complete && !error.path.is_empty() && node.scalar().is_some() {
        mark = node.mark;
        let written = node.scalar().filter(|scalar| scalar.text() == Some(&scalar.written));
        if let Some(offset) = error.offset {
            match written.and_then(|_| locate(source, node, offset)) {
                Some(inside) => mark = inside,
                None => suffix = format!(" (behind byte {offset} of the text)"),
            }
        }
    }
    Issue {
        mark,
        code: codes::CONFIG,
        message: format!("`{path}`: {}{suffix}", error.message),
        help: error.help.clone(),
    }
}

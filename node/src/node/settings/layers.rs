use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::node_settings::NodeSettings;
use super::validate::{Wrong, validate};
use crate::arguments::NodeOptions;
use crate::node::Error;
use crate::node::document::{self, Place};

/// Puts together what was given: what stands on the command line or in the environment wins over the file.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, [`Error::Settings`] with all faults otherwise, each with its place in the file or the
/// flag and variable that can mend it.
pub(crate) fn settings(file: Option<&Path>, given: &NodeOptions) -> Result<NodeSettings, Error> {
    let (in_file, places) = match file {
        None => (NodeOptions::default(), BTreeMap::new()),
        Some(path) => {
            let bytes = std::fs::read(path).map_err(Error::io(path))?;
            document::read::<NodeOptions>(&bytes).map_err(|faults| {
                let line =
                    |fault: document::Fault| format!("{}: {}", place(path, fault.place), fault.message);
                Error::Settings(faults.into_iter().map(line).collect())
            })?
        }
    };
    let (options, given) = overlay(&in_file, given).map_err(|message| Error::Settings(vec![message]))?;
    validate(&options).map_err(|wrong| {
        let from = |field: &str| {
            let written = places
                .get(field)
                .filter(|_| given.pointer(&format!("/{}", field.replace('.', "/"))).is_none());
            match (file, written) {
                (Some(path), Some(at)) => format!("{}: `{field}`", place(path, *at)),
                _ => format!("`{field}` ({}, {})", flag(field), variable(field)),
            }
        };
        let line = |Wrong { field, message }| format!("{} {message}", from(field));
        Error::Settings(wrong.into_iter().map(line).collect())
    })
}

fn place(path: &Path, place: Place) -> String {
    format!("{}:{}:{}", path.display(), place.line, place.column)
}

/// The flag of a setting: `--raft-listen` for `raft.listen`.
fn flag(field: &str) -> String {
    format!("--{}", field.replace(['.', '_'], "-"))
}

/// The environment variable of a setting: `ACTIX_ETL_RAFT_LISTEN` for `raft.listen`.
fn variable(field: &str) -> String {
    format!("ACTIX_ETL_{}", field.replace('.', "_").to_uppercase())
}

/// The options of both, those of `above` before those of `below`; and what `above` has given.
fn overlay(below: &NodeOptions, above: &NodeOptions) -> Result<(NodeOptions, Value), String> {
    // Fails for a path that is not UTF-8, and for nothing else.
    let value = |options: &NodeOptions| serde_json::to_value(options).map_err(|error| error.to_string());
    let given = without_empty(value(above)?);
    let merged = merge(without_empty(value(below)?), given.clone());
    let options = serde_json::from_value(merged).map_err(|error| error.to_string())?;
    Ok((options, given))
}

/// Without what was left empty: an environment variable that is set to nothing gives nothing.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, without_empty(value)));
            Value::Object(fields.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let items: Vec<Value> =
                items.into_iter().map(without_empty).filter(|item| !item.is_null()).collect();
            if items.is_empty() { Value::Null } else { Value::Array(items) }
        }
        Value::String(text) if text.trim().is_empty() => Value::Null,
        other => other,
    }
}

fn merge(below: Value, above: Value) -> Value {
    match (below, above) {
        (Value::Object(mut below), Value::Object(above)) => {
            for (name, value) in above {
                let merged = match below.remove(&name) {
                    Some(under) => merge(under, value),
                    None => value,
                };
                below.insert(name, merged);
            }
            Value::Object(below)
        }
        (_, above) => above,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::node::settings::Entry;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn messages(text: &str, given: &NodeOptions) -> Vec<String> {
        let file = file(text);
        match settings(Some(file.path()), given) {
            Err(Error::Settings(messages)) => {
                let name = file.path().display().to_string();
                messages.into_iter().map(|message| message.replace(&name, "node.yaml")).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let file = file("zone: a\nbootstrap: true\nraft: { listen: '127.0.0.1:1', advertise: x }\ntls: {}\n");
        let mut given =
            NodeOptions { zone: Some("b".to_owned()), bootstrap: Some(false), ..NodeOptions::default() };
        given.raft.listen = Some("127.0.0.1:2".to_owned());
        given.admin.advertise = Some(String::new());
        given.join = Some(vec![String::new()]);
        let settings = settings(Some(file.path()), &given).unwrap();
        assert_eq!((settings.zone.as_str(), &settings.entry), ("b", &Entry::None));
        assert_eq!(settings.raft.listen.port(), 2);
        assert_eq!(settings.raft.advertised.to_string(), "x");
        assert_eq!(settings.admin.advertised.to_string(), "as it listens");
    }

    #[test]
    fn faults_say_where_they_come_from() {
        let mut given = NodeOptions::default();
        given.admin.listen = Some("x".to_owned());
        let found = messages("zone: a b\nadmin: { listen: '127.0.0.1:1' }\ntls:\n  ca: f\n", &given);
        assert!(
            found
                .iter()
                .any(|m| m.starts_with("`admin.listen` (--admin-listen, ACTIX_ETL_ADMIN_LISTEN) `x`")),
            "{found:?}"
        );
        assert!(found.iter().any(|m| m.starts_with("node.yaml:1:1: `zone` must be")), "{found:?}");
        assert!(
            found.iter().any(|m| m.starts_with("`tls.key` (--tls-key, ACTIX_ETL_TLS_KEY) is missing")),
            "{found:?}"
        );
        let found = messages("zoen: a\nraft:\n  listen: 5\n", &given);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("node.yaml:1:1: unknown field `zoen`"), "{found:?}");
        assert!(found[1].starts_with("node.yaml:3:11: invalid type"), "{found:?}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = settings(Some(Path::new("/nowhere/node.yaml")), &NodeOptions::default()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/node.yaml"), "{error}");
    }
}

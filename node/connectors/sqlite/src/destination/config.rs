use std::path::PathBuf;

use etl_sdk::{FieldError, parse_config};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection::checked_path;

/// Configuration of the destination `sqlite`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    /// The database file; created when it is missing.
    path: String,
    /// The table to write to.
    table: String,
    /// What becomes of rows that are already in the table: `append` keeps them, `upsert` overwrites those with the same
    /// key, `replace` exchanges them all when the run is complete.
    #[serde(default)]
    mode: RawMode,
    /// The columns that identify a row; required for `upsert`, which needs a primary key or unique index on them.
    #[serde(default)]
    key: Vec<String>,
    /// Whether to create a missing table from the columns of the first rows; if false, a missing table is an error.
    #[serde(default = "yes")]
    create: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RawMode {
    /// Add rows.
    #[default]
    Append,
    /// Insert, or overwrite the row with the same key.
    Upsert,
    /// Exchange the whole content when the run is complete.
    Replace,
}

/// What happens to rows that are there already, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    Append,
    /// With the key's columns, at least one.
    Upsert(Vec<String>),
    Replace,
}

/// Where to write and how, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) path: PathBuf,
    pub(super) table: String,
    pub(super) mode: Mode,
    pub(super) create: bool,
}

impl Config {
    pub(super) fn parse(config: &serde_json::Value) -> Result<Self, Vec<FieldError>> {
        let raw: RawConfig = parse_config(config)?;
        let mut errors = Vec::new();
        let path = checked_path(&raw.path).map_err(|error| errors.push(error)).unwrap_or_default();
        if let Some(message) = table_fault(&raw.table) {
            errors.push(FieldError::new("invalid_name", message).at("table"));
        }
        match (raw.mode, raw.key.is_empty()) {
            (RawMode::Upsert, true) => errors.push(
                FieldError::new("missing_key", "`mode: upsert` needs the columns that identify a row")
                    .at("key")
                    .with_help("for example `key: [id]`"),
            ),
            (RawMode::Append | RawMode::Replace, false) => errors.push(
                FieldError::new("unused_key", "`key` has no meaning without `mode: upsert`")
                    .at("key")
                    .with_help("add `mode: upsert`, or leave `key` out"),
            ),
            _ => {}
        }
        for (i, column) in raw.key.iter().enumerate() {
            let twice = raw.key.iter().take(i).any(|other| other.eq_ignore_ascii_case(column));
            if column.is_empty() || column.contains('\0') || twice {
                let message =
                    if twice { "the column is named twice" } else { "this cannot be a column's name" };
                errors.push(FieldError::new("invalid_name", message).at("key").at(i));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mode = match raw.mode {
            RawMode::Append => Mode::Append,
            RawMode::Upsert => Mode::Upsert(raw.key),
            RawMode::Replace => Mode::Replace,
        };
        Ok(Self { path, table: raw.table, mode, create: raw.create })
    }
}

fn table_fault(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || name.contains('\0') {
        Some("this cannot be a table's name")
    } else if lower.starts_with("sqlite_") {
        Some("names that begin with `sqlite_` belong to SQLite")
    } else if lower.starts_with("_etl_") {
        Some("names that begin with `_etl_` are used for markers and staging")
    } else {
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_faults_are_reported_at_once() {
        let errors = Config::parse(&json!({
            "path": "", "table": "sqlite_x", "mode": "append", "key": ["a", "A", ""]
        }))
        .unwrap_err();
        let places: Vec<_> = errors.iter().map(|error| error.to_string()).collect();
        assert_eq!(errors.len(), 5, "{places:?}");
        for start in ["path: ", "table: ", "key: ", "key[1]: ", "key[2]: "] {
            assert!(places.iter().any(|place| place.starts_with(start)), "{start} in {places:?}");
        }
    }

    #[test]
    fn upsert_needs_a_key() {
        let config = json!({ "path": "a.db", "table": "t", "mode": "upsert" });
        assert_eq!(Config::parse(&config).unwrap_err()[0].code, "missing_key");
        let config = json!({ "path": "a.db", "table": "t", "mode": "upsert", "key": ["id"] });
        assert_eq!(Config::parse(&config).unwrap().mode, Mode::Upsert(vec!["id".to_owned()]));
        assert_eq!(Config::parse(&json!({ "path": ":memory:", "table": "t" })).unwrap_err().len(), 1);
    }
}

use etl_sdk::{FieldError, parse_config};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection::{ConnectionConfig, with_connection_fields};
use crate::identifier::TableName;

with_connection_fields! {
    /// Configuration of the destination `postgres`.
    struct RawConfig {
        /// The table to write to, with its schema where needed: `users`, `app.users`, `app."Odd.Name"`.
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

/// Where to write and how, checked. Not `Debug`: it holds the password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) connection: ConnectionConfig,
    pub(super) table: TableName,
    pub(super) mode: Mode,
    pub(super) create: bool,
}

impl Config {
    pub(super) fn parse(config: &serde_json::Value) -> Result<Self, Vec<FieldError>> {
        let raw: RawConfig = parse_config(config)?;
        let mut errors = Vec::new();
        let connection = ConnectionConfig::parse(&raw.connection(), &mut errors);
        let table = match TableName::parse(&raw.table) {
            Ok(table) if table.name.starts_with("_etl_") => {
                let message = "names that begin with `_etl_` are used for markers and staging";
                errors.push(FieldError::new("invalid_name", message).at("table"));
                None
            }
            Ok(table) => Some(table),
            Err(message) => {
                errors.push(
                    FieldError::new("invalid_name", format!("this cannot be a table's name: {message}"))
                        .at("table")
                        .with_help(
                            "write `table` or `schema.table`, with quotes around parts that hold dots",
                        ),
                );
                None
            }
        };
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
            let twice = raw.key.iter().take(i).any(|other| other == column);
            if column.is_empty() || column.contains('\0') || twice {
                let message =
                    if twice { "the column is named twice" } else { "this cannot be a column's name" };
                errors.push(FieldError::new("invalid_name", message).at("key").at(i));
            }
        }
        match (connection, table, errors.is_empty()) {
            (Some(connection), Some(table), true) => {
                let mode = match raw.mode {
                    RawMode::Append => Mode::Append,
                    RawMode::Upsert => Mode::Upsert(raw.key),
                    RawMode::Replace => Mode::Replace,
                };
                Ok(Self { connection: connection.for_writing(), table, mode, create: raw.create })
            }
            _ => Err(errors),
        }
    }

    /// For messages: the database.
    pub(super) fn place(&self) -> String {
        self.connection.place()
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
            "url": "postgres://h/d", "table": "_etl_x", "mode": "append", "key": ["a", "a", ""]
        }))
        .err()
        .unwrap();
        let places: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 5, "{places:?}");
        for start in ["url: ", "table: ", "key: ", "key[1]: ", "key[2]: "] {
            assert!(places.iter().any(|place| place.starts_with(start)), "{start} in {places:?}");
        }
    }

    #[test]
    fn upsert_needs_a_key() {
        let config = json!({ "url": "postgres://u@h/d", "table": "t", "mode": "upsert" });
        assert_eq!(Config::parse(&config).err().unwrap()[0].code, "missing_key");
        let config = json!({ "url": "postgres://u@h/d", "table": "t", "mode": "upsert", "key": ["id"] });
        assert_eq!(Config::parse(&config).ok().unwrap().mode, Mode::Upsert(vec!["id".to_owned()]));
    }
}

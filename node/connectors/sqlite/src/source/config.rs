use std::path::PathBuf;

use etl_sdk::{FieldError, parse_config};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection::checked_path;

/// Configuration of the source `sqlite`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    /// The database file.
    path: String,
    /// The table or view to read. Either `table` or `query`.
    table: Option<String>,
    /// A SELECT statement to read from, without parameters. Either `table` or `query`.
    query: Option<String>,
    /// Columns (integers or text) that identify a row and never change; rows are read in their order. Needed for a
    /// view, and for a query that shall be continued after an interruption. A table needs none.
    #[serde(default)]
    key: Vec<String>,
    /// The columns to read, in this order; all when left out.
    columns: Option<Vec<String>>,
}

/// What is selected from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Relation {
    Table(String),
    Query(String),
}

/// What to read, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) path: PathBuf,
    pub(super) relation: Relation,
    pub(super) key: Vec<String>,
    pub(super) columns: Option<Vec<String>>,
}

impl Config {
    pub(super) fn parse(config: &serde_json::Value) -> Result<Self, Vec<FieldError>> {
        let raw: RawConfig = parse_config(config)?;
        let mut errors = Vec::new();
        let path = checked_path(&raw.path).map_err(|error| errors.push(error)).unwrap_or_default();
        let relation = match (raw.table, raw.query) {
            (Some(table), None) => {
                if table.is_empty() || table.contains('\0') {
                    errors.push(FieldError::new("invalid_name", "this cannot be a table's name").at("table"));
                }
                Relation::Table(table)
            }
            (None, Some(query)) => {
                let query = query.trim().trim_end_matches(';').trim_end().to_owned();
                if query.is_empty() || query.contains('\0') {
                    errors
                        .push(FieldError::new("invalid_query", "this is not a SELECT statement").at("query"));
                }
                Relation::Query(query)
            }
            (table, _) => {
                let message = match table {
                    Some(_) => "`table` and `query` exclude each other",
                    None => "either `table` or `query` is needed",
                };
                errors.push(FieldError::new("table_or_query", message));
                Relation::Query(String::new())
            }
        };
        check_names("key", &raw.key, &mut errors);
        if let Some(columns) = &raw.columns {
            if columns.is_empty() {
                errors.push(
                    FieldError::new("no_columns", "`columns` is empty")
                        .at("columns")
                        .with_help("leave it out to read all columns"),
                );
            }
            check_names("columns", columns, &mut errors);
        }
        if errors.is_empty() {
            Ok(Self { path, relation, key: raw.key, columns: raw.columns })
        } else {
            Err(errors)
        }
    }
}

fn check_names(field: &str, names: &[String], errors: &mut Vec<FieldError>) {
    for (i, name) in names.iter().enumerate() {
        let twice = names.iter().take(i).any(|other| other.eq_ignore_ascii_case(name));
        if twice || name.is_empty() || name.contains('\0') {
            let message = if twice { "the column is named twice" } else { "this cannot be a column's name" };
            errors.push(FieldError::new("invalid_name", message).at(field).at(i));
        }
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
            "path": ":memory:", "table": "t", "query": "SELECT 1", "key": ["a", "A"], "columns": []
        }))
        .unwrap_err();
        let codes: Vec<_> = errors.iter().map(|error| error.code).collect();
        assert_eq!(codes, ["invalid_path", "table_or_query", "invalid_name", "no_columns"]);
        assert_eq!(Config::parse(&json!({ "path": "a.db" })).unwrap_err()[0].code, "table_or_query");
    }

    #[test]
    fn a_query_loses_its_semicolons() {
        let config = Config::parse(&json!({ "path": "a.db", "query": " SELECT 1 ; ; " })).unwrap();
        assert_eq!(config.relation, Relation::Query("SELECT 1 ;".to_owned()));
        let config = Config::parse(&json!({ "path": "a.db", "query": "SELECT 1;\n" })).unwrap();
        assert_eq!(config.relation, Relation::Query("SELECT 1".to_owned()));
    }
}

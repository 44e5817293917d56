use std::num::NonZeroU16;

use etl_sdk::{FieldError, parse_config};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection::{ConnectionConfig, with_connection_fields};
use crate::identifier::TableName;

with_connection_fields! {
    /// Configuration of the source `postgres`.
    struct RawConfig {
        /// The table, view or materialized view to read, with its schema where needed: `users`, `app.users`,
        /// `app."Odd.Name"`. Either `table` or `query`.
        table: Option<String>,
        /// A SELECT statement to read from, without parameters. Either `table` or `query`.
        query: Option<String>,
        /// The columns to read, in this order; all when left out.
        columns: Option<Vec<String>>,
        /// A condition in SQL that rows must fulfil, such as `deleted_at IS NULL`.
        r#where: Option<String>,
        /// Columns that identify a row and never change or become null; rows are read in their order. Needed for a view
        /// or query that shall be continued after an interruption. A table's own key is found.
        #[serde(default)]
        key: Vec<String>,
        /// How many ranges a table is cut into, which are read side by side; by its size when left out.
        partitions: Option<NonZeroU16>,
        /// How `numeric(p, s)` is read.
        #[serde(default)]
        numeric: NumericAs,
        /// How arrays are read.
        #[serde(default)]
        arrays: ArraysAs,
    }
}

/// How `numeric(p, s)` is read; `numeric` without precision is always text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NumericAs {
    /// As decimals; `NaN` is an error of its record.
    #[default]
    Decimal,
    /// As text with all digits; `NaN` is text, too.
    Text,
}

/// How arrays are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ArraysAs {
    /// As lists, nested as deep as the column declares; a value with other dimensions is an error of its record.
    #[default]
    List,
    /// As text in PostgreSQL's notation, such as `{1,2}`.
    Text,
}

/// What is selected from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Relation {
    Table(TableName),
    Query(String),
}

/// What to read, checked. Not `Debug`: it holds the password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) connection: ConnectionConfig,
    pub(super) relation: Relation,
    pub(super) columns: Option<Vec<String>>,
    pub(super) condition: Option<String>,
    pub(super) key: Vec<String>,
    pub(super) partitions: Option<NonZeroU16>,
    pub(super) numeric: NumericAs,
    pub(super) arrays: ArraysAs,
}

impl Config {
    pub(super) fn parse(config: &serde_json::Value) -> Result<Self, Vec<FieldError>> {
        let raw: RawConfig = parse_config(config)?;
        let mut errors = Vec::new();
        let connection = ConnectionConfig::parse(&raw.connection(), &mut errors);
        let relation = relation(raw.table.as_deref(), raw.query.as_deref(), &mut errors);
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
        if raw.r#where.as_ref().is_some_and(|text| text.trim().is_empty() || text.contains('\0')) {
            errors.push(FieldError::new("invalid_condition", "this is not a condition").at("where"));
        }
        if raw.partitions.is_some_and(|n| n.get() > 1) && raw.query.is_some() && raw.key.is_empty() {
            errors.push(
                FieldError::new("missing_key", "a query is cut into ranges of its `key`")
                    .at("partitions")
                    .with_help("name the columns that identify a row under `key`, or leave `partitions` out"),
            );
        }
        match (connection, relation, errors.is_empty()) {
            (Some(connection), Some(relation), true) => Ok(Self {
                connection,
                relation,
                columns: raw.columns,
                condition: raw.r#where,
                key: raw.key,
                partitions: raw.partitions,
                numeric: raw.numeric,
                arrays: raw.arrays,
            }),
            _ => Err(errors),
        }
    }

    /// For messages: the database and what is read there.
    pub(super) fn place(&self) -> String {
        let what = match &self.relation {
            Relation::Table(name) => name.to_string(),
            Relation::Query(_) => "query".to_owned(),
        };
        format!("{}, {what}", self.connection.place())
    }
}

fn relation(table: Option<&str>, query: Option<&str>, errors: &mut Vec<FieldError>) -> Option<Relation> {
    match (table, query) {
        (Some(table), None) => match TableName::parse(table) {
            Ok(name) => Some(Relation::Table(name)),
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
        },
        (None, Some(query)) => {
            let query = query.trim().trim_end_matches(';').trim_end();
            if query.is_empty() || query.contains('\0') {
                errors.push(FieldError::new("invalid_query", "this is not a SELECT statement").at("query"));
                return None;
            }
            Some(Relation::Query(query.to_owned()))
        }
        (table, _) => {
            let message = match table {
                Some(_) => "`table` and `query` exclude each other",
                None => "either `table` or `query` is needed",
            };
            errors.push(FieldError::new("table_or_query", message));
            None
        }
    }
}

fn check_names(field: &str, names: &[String], errors: &mut Vec<FieldError>) {
    for (i, name) in names.iter().enumerate() {
        let twice = names.iter().take(i).any(|other| other == name);
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
            "host": "h", "table": "t", "query": "SELECT 1", "key": ["a", "a"], "columns": [], "where": " "
        }))
        .err()
        .unwrap();
        let codes: Vec<_> = errors.iter().map(|error| error.code).collect();
        assert_eq!(
            codes,
            ["missing_field", "table_or_query", "invalid_name", "no_columns", "invalid_condition"]
        );
    }

    #[test]
    fn a_query_is_cut_only_by_its_key() {
        let config = |key: &[&str]| json!({ "url": "postgres://u@h/d", "query": "SELECT 1 AS a;", "partitions": 4, "key": key });
        assert_eq!(Config::parse(&config(&[])).err().unwrap()[0].code, "missing_key");
        let config = Config::parse(&config(&["a"])).ok().unwrap();
        assert_eq!(config.relation, Relation::Query("SELECT 1 AS a".to_owned()));
    }
}

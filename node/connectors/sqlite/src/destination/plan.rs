use arrow::datatypes::{DataType, Schema};
use etl_model::is_json;

use super::config::Mode;
use crate::SqliteError;
use crate::identifier::{quote, quote_all};
use crate::table::{Affinity, Column, Table};

/// What has to be looked at in a column before its values are bound, because SQLite would change some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    Nothing,
    /// Integers become floats: only those that a float holds exactly.
    ExactFloat,
    /// Text that reads like a number becomes one: only other text.
    NotNumeric,
}

/// How a batch of some schema is written to a table.
#[derive(Debug)]
pub(super) struct Plan {
    into: String,
    conflict: String,
    /// One per column of the batch.
    pub(super) checks: Vec<Check>,
    /// Indexes of the key's columns in the batch.
    pub(super) key: Vec<usize>,
    /// Whether several rows may share a statement; triggers may skip rows, which only shows one by one.
    pub(super) may_share: bool,
}

impl Plan {
    /// Fits the columns of encoded rows to a table, or names the column that does not fit.
    pub(super) fn new(schema: &Schema, table: &Table, mode: &Mode, place: &str) -> Result<Self, SqliteError> {
        if schema.fields().is_empty() {
            return Err(SqliteError::user(
                "no_columns",
                format!("{place}: the rows have no columns"),
                "keep at least one column in the mapping",
            ));
        }
        let mut checks = Vec::with_capacity(schema.fields().len());
        for (i, field) in schema.fields().iter().enumerate() {
            let name = field.name();
            if let Some(twin) = schema.fields().iter().take(i).find(|f| f.name().eq_ignore_ascii_case(name)) {
                return Err(SqliteError::user(
                    "duplicate_column",
                    format!("{place}: `{}` and `{name}` are one column to SQLite", twin.name()),
                    "rename one of them with a mapping",
                ));
            }
            let column = column(table, name, place)?;
            checks.push(check(field, column, table, place)?);
        }
        let present =
            |column: &Column| schema.fields().iter().any(|f| f.name().eq_ignore_ascii_case(&column.name));
        if let Some(absent) = table.columns.iter().find(|column| column.required && !present(column)) {
            return Err(SqliteError::user(
                "column_required",
                format!(
                    "{place}: column `{}` of table `{}` must not be null, has no default, and the rows do not have it",
                    absent.name, table.name
                ),
                "add it to the rows with a mapping, or give the column a default",
            ));
        }
        let names = || schema.fields().iter().map(|field| field.name().as_str());
        let (key, conflict) = match mode {
            Mode::Upsert(key) => upsert(schema, key, place)?,
            Mode::Append | Mode::Replace => (Vec::new(), String::new()),
        };
        // OR ABORT overrides what the table's own constraints may say (IGNORE would lose rows, REPLACE delete others).
        let into = format!("INSERT OR ABORT INTO {} ({}) VALUES ", quote(&table.name)?, quote_all(names())?);
        Ok(Self { into, conflict, checks, key, may_share: !table.has_triggers })
    }

    /// The statement that writes this many rows.
    pub(super) fn sql(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.checks.len()].join(","));
        format!("{}{}{}", self.into, vec![row; rows].join(","), self.conflict)
    }
}

fn column<'a>(table: &'a Table, name: &str, place: &str) -> Result<&'a Column, SqliteError> {
    match table.column(name) {
        None => Err(SqliteError::user(
            "column_missing",
            format!(
                "{place}: table `{}` has no column `{name}`; it has {}",
                table.name,
                table.column_names()
            ),
            "add the column to the table, or leave it out or rename it with a mapping",
        )),
        Some(column) if column.generated => Err(SqliteError::user(
            "column_generated",
            format!("{place}: column `{name}` of table `{}` is computed and cannot be written", table.name),
            "leave it out with a mapping",
        )),
        Some(column) => Ok(column),
    }
}

fn check(
    field: &arrow::datatypes::Field,
    column: &Column,
    table: &Table,
    place: &str,
) -> Result<Check, SqliteError> {
    let refuse = |what: &str| {
        SqliteError::user(
            "column_type",
            format!(
                "{place}: column `{}` of table `{}` is declared {}, the rows have {what}",
                column.name,
                table.name,
                if column.declared.is_empty() { "without a type" } else { &column.declared },
            ),
            "convert the values with a mapping (`int(x)`, `double(x)`, `string(x)`), or change the table",
        )
    };
    match (field.data_type(), column.affinity) {
        (DataType::Int64, Affinity::Real) => Ok(Check::ExactFloat),
        (DataType::Float64, Affinity::Text) => {
            Err(refuse("floats, of which SQLite would keep 15 digits as text"))
        }
        (DataType::Boolean, Affinity::Text) => Err(refuse("booleans")),
        (DataType::Utf8, Affinity::Integer | Affinity::Real) if is_json(field) => Err(refuse("JSON")),
        (DataType::Utf8, Affinity::Integer | Affinity::Real) => Err(refuse("text")),
        (DataType::Utf8, Affinity::Numeric) => Ok(Check::NotNumeric),
        _ => Ok(Check::Nothing),
    }
}

fn upsert(schema: &Schema, key: &[String], place: &str) -> Result<(Vec<usize>, String), SqliteError> {
    let mut indexes = Vec::with_capacity(key.len());
    for column in key {
        let found = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(column));
        indexes.push(found.ok_or_else(|| {
            SqliteError::user(
                "key_missing",
                format!("{place}: the rows have no column `{column}` for the key"),
                "name a column of the rows under `key`, or add it with a mapping",
            )
        })?);
    }
    let mut updates = Vec::new();
    for (i, field) in schema.fields().iter().enumerate() {
        // A table of nothing but the key sets the key to itself, so that an existing row counts as written.
        if !indexes.contains(&i) || indexes.len() == schema.fields().len() {
            let name = quote(field.name())?;
            updates.push(format!("{name} = excluded.{name}"));
        }
    }
    let columns = quote_all(key.iter().map(String::as_str))?;
    Ok((indexes, format!(" ON CONFLICT ({columns}) DO UPDATE SET {}", updates.join(", "))))
}

use arrow::datatypes::{DataType, Schema};
use etl_model::is_json;
use rusqlite::Connection;

use super::config::{Config, Mode};
use crate::SqliteError;
use crate::error::At;
use crate::identifier::{quote, quote_all};
use crate::table::{Kind, Table};

/// Describes the table that rows go to; refuses what can never be written to.
pub(super) fn existing(
    connection: &Connection,
    config: &Config,
    place: &str,
) -> Result<Option<Table>, SqliteError> {
    let Some(table) = Table::describe(connection, &config.table, place)? else {
        if config.create {
            return Ok(None);
        }
        return Err(SqliteError::user(
            "table_missing",
            format!("{place}: there is no table `{}`; it has {}", config.table, tables(connection, place)?),
            "correct the name, create the table, or allow it with `create: true`",
        ));
    };
    if table.kind != Kind::Table {
        return Err(SqliteError::user(
            "not_a_table",
            format!("{place}: `{}` is not an ordinary table", config.table),
            "write to a table; a view or virtual table can select from it",
        ));
    }
    if let Mode::Upsert(key) = &config.mode {
        check_key(connection, &table, key, place)?;
    }
    Ok(Some(table))
}

fn tables(connection: &Connection, place: &str) -> Result<String, SqliteError> {
    let names: Vec<String> = connection
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                  AND name NOT LIKE '\\_etl\\_%' ESCAPE '\\' ORDER BY name LIMIT 20",
        )
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .at(place)?;
    Ok(if names.is_empty() { "no tables".to_owned() } else { names.join(", ") })
}

/// SQLite itself judges whether the key is unique, when it is asked to plan an upsert.
fn check_key(connection: &Connection, table: &Table, key: &[String], place: &str) -> Result<(), SqliteError> {
    if let Some(missing) = key.iter().find(|column| table.column(column).is_none()) {
        return Err(SqliteError::user(
            "key_missing",
            format!("{place}: table `{}` has no column `{missing}` for the key", table.name),
            format!("its columns are {}", table.column_names()),
        ));
    }
    let columns = quote_all(key.iter().map(String::as_str))?;
    let nulls = vec!["NULL"; key.len()].join(", ");
    let sql = format!(
        "INSERT INTO {} ({columns}) VALUES ({nulls}) ON CONFLICT ({columns}) DO NOTHING",
        quote(&table.name)?
    );
    match connection.prepare(&sql) {
        Ok(_) => Ok(()),
        Err(error) if error.to_string().contains("ON CONFLICT clause does not match") => {
            Err(SqliteError::user(
                "key_not_unique",
                format!(
                    "{place}: table `{}` has no primary key or unique index on exactly ({})",
                    table.name,
                    key.join(", ")
                ),
                format!("CREATE UNIQUE INDEX ... ON {} ({columns})", quote(&table.name)?),
            ))
        }
        Err(error) => Err(error).at(place),
    }
}

/// Creates a table with the columns of encoded rows.
pub(super) fn create(
    connection: &Connection,
    name: &str,
    schema: &Schema,
    mode: &Mode,
    place: &str,
) -> Result<(), SqliteError> {
    let key: &[String] = if let Mode::Upsert(key) = mode { key } else { &[] };
    let is_key = |name: &str| key.iter().any(|column| column.eq_ignore_ascii_case(name));
    let mut parts = Vec::with_capacity(schema.fields().len() + 1);
    for field in schema.fields() {
        let declared = match field.data_type() {
            DataType::Boolean => " BOOLEAN",
            DataType::Int64 => " INTEGER",
            DataType::Float64 => " REAL",
            // Not plain `JSON`: that has numeric affinity, and SQLite would turn the text `1.10` into the number 1.1.
            DataType::Utf8 if is_json(field) => " JSON_TEXT",
            DataType::Utf8 => " TEXT",
            DataType::Binary => " BLOB",
            // Nothing but nulls so far: a column without a type keeps later values as they are.
            _ => "",
        };
        let not_null = if is_key(field.name()) { " NOT NULL" } else { "" };
        parts.push(format!("{}{declared}{not_null}", quote(field.name())?));
    }
    if let Some(missing) = key
        .iter()
        .find(|column| !schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(column)))
    {
        return Err(SqliteError::user(
            "key_missing",
            format!("{place}: the rows have no column `{missing}` for the key"),
            "name a column of the rows under `key`, or add it with a mapping",
        ));
    }
    if !key.is_empty() {
        parts.push(format!("PRIMARY KEY ({})", quote_all(key.iter().map(String::as_str))?));
    }
    let sql = format!("CREATE TABLE {} ({})", quote(name)?, parts.join(", "));
    connection.execute_batch(&sql).at(place)
}

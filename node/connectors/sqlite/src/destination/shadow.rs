use rusqlite::Connection;

use crate::SqliteError;
use crate::error::At;
use crate::identifier::{after_name, quote};
use crate::table::Table;
use etl_model::RunId;

/// The name of the table that collects a run's rows until the run is complete.
pub(super) fn name(table: &str, run: RunId) -> String {
    format!("_etl_new_{table}_{}", run.short())
}

/// Creates an empty table with the columns, constraints and unique indexes of another, so that a row that the other
/// would refuse is refused at once.
pub(super) fn create_like(
    connection: &Connection,
    table: &Table,
    shadow: &str,
    place: &str,
) -> Result<(), SqliteError> {
    let unknown = |sql: &str| SqliteError::Impossible(format!("{place}: `{sql}` was not understood"));
    // SQLite stores the text from the name on as it was written, with `CREATE TABLE ` before it.
    let body = after_keywords(&table.sql, &["CREATE", "TABLE"])
        .and_then(after_name)
        .ok_or_else(|| unknown(&table.sql))?;
    connection.execute_batch(&format!("CREATE TABLE {} {body}", quote(shadow)?)).at(place)?;
    let indexes: Vec<String> = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL")
        .and_then(|mut statement| statement.query_map([&table.name], |row| row.get(0))?.collect())
        .at(place)?;
    for (number, sql) in indexes.iter().enumerate() {
        let Some(rest) = after_keywords(sql, &["CREATE", "UNIQUE", "INDEX"]) else { continue };
        let columns = after_name(rest)
            .and_then(|rest| after_keywords(rest, &["ON"]))
            .and_then(after_name)
            .ok_or_else(|| unknown(sql))?;
        let index = quote(&format!("{shadow}_{number}"))?;
        connection
            .execute_batch(&format!("CREATE UNIQUE INDEX {index} ON {} {columns}", quote(shadow)?))
            .at(place)?;
    }
    Ok(())
}

/// Removes the table of a run that was given up.
pub(super) fn drop_table(connection: &Connection, shadow: &str, place: &str) -> Result<(), SqliteError> {
    connection.execute_batch(&format!("DROP TABLE IF EXISTS {}", quote(shadow)?)).at(place)
}

fn after_keywords<'a>(sql: &'a str, keywords: &[&str]) -> Option<&'a str> {
    let mut rest = sql;
    for keyword in keywords {
        rest = rest.trim_start();
        let (word, after) = rest.split_at_checked(keyword.len())?;
        if !word.eq_ignore_ascii_case(keyword) {
            return None;
        }
        rest = after;
    }
    Some(rest)
}

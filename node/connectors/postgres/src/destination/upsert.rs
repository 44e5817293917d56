use std::collections::HashMap;

use super::copying::all_taken;
use super::layout::Layout;
use super::unit::Piece;
use crate::PostgresError;
use crate::connection::Session;
use crate::copy::field;
use crate::error::At;
use crate::identifier::{TableName, quote, quote_all};

/// The temporary table of a session that rows are copied into before they are merged; emptied by every commit.
pub(super) const STAGE: &str = "pg_temp.\"_etl_stage\"";

/// Creates the staging table anew, with the columns of a layout. Commits by itself.
pub(super) async fn create_stage(
    session: &Session,
    table: &TableName,
    layout: &Layout,
) -> Result<(), PostgresError> {
    let columns = quote_all(layout.names())?;
    let table = table.quoted()?;
    session
        .execute(&format!(
            "DROP TABLE IF EXISTS {STAGE}; \
             CREATE TEMPORARY TABLE \"_etl_stage\" ON COMMIT DELETE ROWS AS SELECT {columns} FROM {table} WITH NO DATA"
        ))
        .await
}

/// Merges the staged rows, whose number is `staged`, into the table.
pub(super) async fn merge(
    session: &Session,
    table: &TableName,
    layout: &Layout,
    staged: u64,
    place: &str,
) -> Result<(), PostgresError> {
    let merged = session.client().execute(&statement(table, layout)?, &[]).await.at(place)?;
    all_taken(merged, staged, place)
}

fn statement(table: &TableName, layout: &Layout) -> Result<String, PostgresError> {
    let columns = quote_all(layout.names())?;
    let mut key = Vec::with_capacity(layout.key.len());
    let mut updates = Vec::new();
    for (i, column) in layout.columns.iter().enumerate() {
        let name = quote(&column.name)?;
        // A table of nothing but the key sets the key to itself, so that an existing row counts as written.
        if !layout.key.contains(&i) || layout.key.len() == layout.columns.len() {
            updates.push(format!("{name} = excluded.{name}"));
        }
        if layout.key.contains(&i) {
            key.push(name);
        }
    }
    Ok(format!(
        "INSERT INTO {} ({columns}) SELECT {columns} FROM {STAGE} ON CONFLICT ({}) DO UPDATE SET {}",
        table.quoted()?,
        key.join(", "),
        updates.join(", ")
    ))
}

/// The rows `from .. to` without those that a later one of them has the key of: one statement cannot write a row twice.
/// Keys that differ in bytes and are equal to the server all the same are told apart by it, and so are nulls.
pub(super) fn last_of_each_key(
    piece: &Piece,
    offsets: &[usize],
    (from, to): (usize, usize),
) -> Option<Vec<usize>> {
    let mut last: HashMap<Vec<u8>, usize> = HashMap::with_capacity(to - from);
    let mut rows = Vec::new();
    for row in from..to {
        let tuple = piece.tuples.get(*offsets.get(row)?..*offsets.get(row + 1)?)?;
        let mut key = Vec::new();
        let mut null = false;
        for &at in &piece.layout.key {
            let value = field(tuple, at)?;
            null |= value.is_none();
            key.extend_from_slice(&value.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
            key.extend_from_slice(value.unwrap_or_default());
        }
        if null {
            rows.push(row);
        } else {
            last.insert(key, row);
        }
    }
    rows.extend(last.into_values());
    rows.sort_unstable();
    Some(rows)
}

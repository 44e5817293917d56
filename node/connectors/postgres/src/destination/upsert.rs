use std::collections::HashMap;

use bytes::BytesMut;

use super::layout::Layout;
use super::unit::Piece;
use crate::PostgresError;
use crate::connection::Session;
use crate::copy::field;
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

/// The statement that merges staged rows into the table.
pub(super) fn merge(table: &TableName, layout: &Layout) -> Result<String, PostgresError> {
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

/// Leaves only the last of several tuples with the same key: one statement cannot write a row twice. Keys that differ
/// in bytes and are equal to the server all the same are told apart by it.
pub(super) fn last_of_each_key(piece: &Piece, offsets: &[usize]) -> Option<(Piece, Vec<usize>)> {
    let tuples: Vec<&[u8]> = offsets.windows(2).map(|pair| &piece.tuples[pair[0]..pair[1]]).collect();
    let mut last: HashMap<Vec<u8>, usize> = HashMap::with_capacity(tuples.len());
    for (row, tuple) in tuples.iter().enumerate() {
        let mut key = Vec::new();
        for &at in &piece.layout.key {
            let value = field(tuple, at)?;
            key.extend_from_slice(&value.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
            key.extend_from_slice(value.unwrap_or_default());
        }
        last.insert(key, row);
    }
    let mut rows: Vec<usize> = last.into_values().collect();
    rows.sort_unstable();
    let mut kept = BytesMut::with_capacity(piece.tuples.len());
    let mut kept_offsets = vec![0];
    for &row in &rows {
        kept.extend_from_slice(tuples[row]);
        kept_offsets.push(kept.len());
    }
    let ordinals = rows.iter().map(|&row| piece.ordinals.value(row)).collect::<Vec<_>>().into();
    Some((Piece { layout: piece.layout.clone(), tuples: kept.freeze(), ordinals }, kept_offsets))
}

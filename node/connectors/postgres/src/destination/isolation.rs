use etl_model::RecordError;

use super::copying::Copying;
use super::refusal::Refusal;
use super::unit::Piece;
use super::upsert;
use crate::PostgresError;
use crate::connection::Session;
use crate::identifier::TableName;
use crate::types::Column;

/// Where rows go: straight into a table, or through the staging table.
pub(super) enum Into<'a> {
    /// A table.
    Table(&'a TableName),
    /// A table, by key.
    Upsert(&'a TableName),
}

/// Writes pieces inside the open transaction and returns the rows that the server refuses, each found by taking a
/// refused part in two at the row the server names, or else in the middle.
pub(super) async fn write(
    session: &Session,
    into: &Into<'_>,
    pieces: &[Piece],
    place: &str,
) -> Result<Vec<RecordError>, PostgresError> {
    let mut refused = Vec::new();
    let mut staged: Option<&[Column]> = None;
    for piece in pieces {
        let broken =
            || PostgresError::Impossible(format!("{place}: the tuples of a batch cannot be told apart"));
        let offsets = piece.offsets().ok_or_else(broken)?;
        if let Into::Upsert(table) = into
            && staged != Some(&piece.layout.columns)
        {
            upsert::create_stage(session, table, &piece.layout).await?;
            staged = Some(&piece.layout.columns);
        }
        // Parts still to be written, the first one last.
        let mut parts = vec![(0, offsets.len() - 1)];
        while let Some((from, to)) = parts.pop() {
            if from == to {
                continue;
            }
            // Of the rows with the same key only the last one of a part is written. Chosen for each part anew: when
            // the last one is refused, the one before it counts.
            let rows = match into {
                Into::Upsert(_) => {
                    upsert::last_of_each_key(piece, &offsets, (from, to)).ok_or_else(broken)?
                }
                Into::Table(_) => (from..to).collect(),
            };
            session.execute("SAVEPOINT part").await?;
            let error = match load(session, into, piece, &offsets, &rows, place).await {
                Ok(()) => {
                    session.execute("RELEASE SAVEPOINT part").await?;
                    continue;
                }
                Err(error) => error,
            };
            let Some(refusal) = Refusal::of(&error) else { return Err(error) };
            session.execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part").await?;
            if to - from == 1 {
                let tuple = &piece.tuples[offsets[from]..offsets[to]];
                refused.push(refusal.into_error(&piece.layout, tuple, piece.ordinals.value(from)));
                continue;
            }
            let bad = refusal.row.and_then(|row| rows.get(row.checked_sub(1)?).copied());
            match bad {
                Some(bad) => parts.extend([(bad + 1, to), (bad, bad + 1), (from, bad)]),
                None => {
                    let middle = from + (to - from) / 2;
                    parts.extend([(middle, to), (from, middle)]);
                }
            }
        }
    }
    Ok(refused)
}

/// Writes these rows of a piece.
async fn load(
    session: &Session,
    into: &Into<'_>,
    piece: &Piece,
    offsets: &[usize],
    rows: &[usize],
    place: &str,
) -> Result<(), PostgresError> {
    let table = match into {
        Into::Table(table) => table.quoted()?,
        Into::Upsert(_) => upsert::STAGE.to_owned(),
    };
    let mut copying = Copying::begin(session, &table, &piece.layout, place).await?;
    // Neighbours go together.
    for run in rows.chunk_by(|row, next| row + 1 == *next) {
        if let [first, ..] = run {
            let tuples = piece.tuples.slice(offsets[*first]..offsets[first + run.len()]);
            copying.send(tuples, run.len() as u64).await?;
        }
    }
    let staged = copying.finish().await?;
    if let Into::Upsert(table) = into {
        upsert::merge(session, table, &piece.layout, staged, place).await?;
        session.execute(&format!("TRUNCATE {}", upsert::STAGE)).await?;
    }
    Ok(())
}

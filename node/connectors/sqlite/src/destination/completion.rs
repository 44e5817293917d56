use etl_model::Route;
use etl_sdk::{ConnectorError, RunContext, failpoint};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::config::{Config, Mode};
use super::markers::Markers;
use super::shadow;
use crate::SqliteError;
use crate::connection::open_writer;
use crate::error::At;
use crate::identifier::{quote, quote_all};
use crate::table::Table;

/// Makes the rows of a `replace` visible; the other modes have nothing left to do. Blocks.
pub(super) fn complete(config: &Config, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
    failpoint("completion_started")?;
    if config.mode == Mode::Replace {
        // Foreign keys are off for this transaction, so that emptying the table does not cascade into others;
        // they are checked before the end.
        let mut connection = open_writer(&config.path, false)?;
        swap(&mut connection, config, run, routes)?;
    }
    failpoint("completed")
}

fn swap(
    connection: &mut Connection,
    config: &Config,
    run: &RunContext,
    routes: &[Route],
) -> Result<(), SqliteError> {
    let place = config.path.display().to_string();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&place)?;
    let markers: Vec<Markers> = routes.iter().map(|route| Markers::new(route.clone(), &place)).collect();
    let mut completed = 0;
    for markers in &markers {
        completed += usize::from(is_completed(markers, &transaction, run)?);
    }
    if !markers.is_empty() && completed == markers.len() {
        return Ok(());
    }
    exchange(&transaction, config, &shadow::name(&config.table, run.run), &place)?;
    for markers in &markers {
        markers.complete(&transaction)?;
    }
    transaction.commit().at(&place)
}

fn is_completed(markers: &Markers, connection: &Connection, run: &RunContext) -> Result<bool, SqliteError> {
    match markers.load(connection)? {
        Some(stored) if stored.marker.run != run.run => Err(SqliteError::Fenced {
            place: markers.place().to_owned(),
            found: stored.marker.epoch,
            held: 0,
            run: stored.marker.run,
        }),
        Some(stored) if stored.marker.done => Ok(stored.completed),
        Some(_) => Err(SqliteError::Impossible(format!("{}: completed before its end", markers.place()))),
        None => Err(SqliteError::Marker {
            place: markers.place().to_owned(),
            message: "it has disappeared since this run began".to_owned(),
        }),
    }
}

fn exchange(
    transaction: &Transaction<'_>,
    config: &Config,
    shadow: &str,
    place: &str,
) -> Result<(), SqliteError> {
    let target = Table::describe(transaction, &config.table, place)?;
    let staged = Table::describe(transaction, shadow, place)?;
    let run = |sql: String| transaction.execute_batch(&sql).at(place);
    let quoted = quote(&config.table)?;
    match (target, staged) {
        (None, None) => Ok(()),
        (None, Some(_)) => run(format!("ALTER TABLE {} RENAME TO {quoted}", quote(shadow)?)),
        (Some(target), staged) => {
            run(format!("DELETE FROM {quoted}"))?;
            if staged.is_some() {
                let shadow = quote(shadow)?;
                if target.columns.iter().any(|column| column.generated) {
                    let plain = target.columns.iter().filter(|column| !column.generated);
                    let columns = quote_all(plain.map(|column| column.name.as_str()))?;
                    run(format!("INSERT INTO {quoted} ({columns}) SELECT {columns} FROM {shadow}"))?;
                } else {
                    // In this form SQLite copies whole records without decoding them.
                    run(format!("INSERT INTO {quoted} SELECT * FROM {shadow}"))?;
                }
                run(format!("DROP TABLE {shadow}"))?;
            }
            check_references(transaction, &target, place)
        }
    }
}

/// Refuses the exchange when rows of this or another table would refer to rows that are gone.
fn check_references(transaction: &Transaction<'_>, target: &Table, place: &str) -> Result<(), SqliteError> {
    let children: Vec<String> = transaction
        .prepare(
            "SELECT DISTINCT child.name FROM pragma_table_list AS child, pragma_foreign_key_list(child.name) AS fk \
             WHERE child.schema = 'main' AND child.type = 'table' \
             AND (fk.\"table\" = ?1 COLLATE NOCASE OR child.name = ?1)",
        )
        .and_then(|mut statement| statement.query_map([&target.name], |row| row.get(0))?.collect())
        .at(place)?;
    for child in children {
        let orphans: i64 = transaction
            .query_row("SELECT count(*) FROM pragma_foreign_key_check(?1)", [&child], |row| row.get(0))
            .at(place)?;
        if orphans > 0 {
            return Err(SqliteError::user(
                "foreign_keys",
                format!(
                    "{place}: with the new content of `{}`, {orphans} rows of `{child}` would refer to rows that do \
                     not exist; the old content stays",
                    target.name
                ),
                "deliver the referenced rows too, or use `mode: upsert`",
            ));
        }
    }
    Ok(())
}

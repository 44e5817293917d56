use etl_model::RunId;
use xxhash_rust::xxh3::xxh3_64;

use super::config::{Config, Mode};
use super::copying::all_taken;
use super::layout::Layout;
use super::target::{create, create_once};
use crate::PostgresError;
use crate::catalog::Table;
use crate::connection::Session;
use crate::error::At;
use crate::identifier::{TableName, quote, quote_all};

/// The table that collects a run's rows until the run is complete.
pub(super) fn name(table: &TableName, run: RunId) -> TableName {
    // Short enough for every name: the server would cut off what is longer than 63 bytes.
    let mut prefix = table.name.clone();
    if prefix.len() > 40 {
        // Two long names may begin alike, and one run may replace both tables.
        while prefix.len() > 23 {
            prefix.pop();
        }
        prefix.push_str(&format!("_{:016x}", xxh3_64(table.name.as_bytes())));
    }
    table.sibling(format!("_etl_new_{prefix}_{}", run.short()))
}

/// Makes sure that the collecting table exists: like the table to replace, with its constraints and unique indexes, so
/// that a row that this one would refuse is refused at once.
pub(super) async fn prepare(
    session: &Session,
    table: Option<&Table>,
    collecting: &TableName,
    layout: &Layout,
) -> Result<(), PostgresError> {
    if Table::describe(session, collecting).await?.is_some() {
        return Ok(());
    }
    let Some(table) = table else {
        return create(session, collecting, layout, &Mode::Replace).await;
    };
    let quoted = collecting.quoted()?;
    let mut sql = format!(
        "CREATE TABLE IF NOT EXISTS {quoted} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES \
         INCLUDING GENERATED)",
        table.name.quoted()?
    );
    for column in &table.columns {
        // What the table itself fills in (an identity) is filled in when its rows are exchanged.
        let written = layout.columns.iter().any(|written| written.name == column.column.name);
        if !written && !column.column.nullable && !column.required {
            sql.push_str(&format!(
                "; ALTER TABLE {quoted} ALTER COLUMN {} DROP NOT NULL",
                quote(&column.column.name)?
            ));
        }
    }
    create_once(session, &quoted, &sql).await
}

/// Removes what a run that was given up has collected.
pub(super) async fn abandon(session: &Session, table: &TableName, run: RunId) -> Result<(), PostgresError> {
    session.execute(&format!("DROP TABLE IF EXISTS {}", name(table, run).quoted()?)).await
}

/// Exchanges the content of the table for what was collected, inside the open transaction. Readers see the old rows
/// until it commits. `delivered` is the number of rows that the markers say were collected.
pub(super) async fn exchange(
    session: &Session,
    config: &Config,
    run: RunId,
    delivered: u64,
) -> Result<(), PostgresError> {
    let collecting = name(&config.table, run);
    let target = Table::describe(session, &config.table).await?;
    let collected = Table::describe(session, &collecting).await?;
    let quoted = config.table.quoted()?;
    if collected.is_none() && delivered > 0 {
        return Err(missing(session, &collecting, delivered));
    }
    match (target, collected) {
        (None, None) => Ok(()),
        (None, Some(_)) => {
            let new = quote(&config.table.name)?;
            session.execute(&format!("ALTER TABLE {} RENAME TO {new}", collecting.quoted()?)).await
        }
        (Some(target), collected) => {
            session.execute(&format!("LOCK TABLE {quoted} IN EXCLUSIVE MODE; DELETE FROM {quoted}")).await?;
            let Some(collected) = collected else { return Ok(()) };
            refuse_changed(session, &target, &collected)?;
            let from = collecting.quoted()?;
            let mut columns = Vec::new();
            for column in target.columns.iter().filter(|column| !column.generated) {
                let name = &column.column.name;
                let filled_in = !column.column.nullable
                    && collected.column(name).is_some_and(|collected| collected.column.nullable);
                if collected.column(name).is_some() && !filled_in {
                    columns.push(name.as_str());
                }
            }
            let columns = quote_all(columns)?;
            let sql = format!("INSERT INTO {quoted} ({columns}) SELECT {columns} FROM {from}");
            let taken = session.client().execute(&sql, &[]).await.at(session.place())?;
            let given = session
                .client()
                .query_one(&format!("SELECT count(*) FROM {from}"), &[])
                .await
                .at(session.place())?;
            let given: i64 = given.try_get(0).at(session.place())?;
            all_taken(taken, u64::try_from(given).unwrap_or(0), session.place())?;
            session.execute(&format!("DROP TABLE {from}")).await
        }
    }
}

/// The error for a table that was there when rows were written to it.
pub(super) fn missing(session: &Session, table: &TableName, delivered: u64) -> PostgresError {
    PostgresError::user(
        "table_missing",
        format!(
            "{}: table `{table}` was dropped after this run had written {delivered} rows to it",
            session.place()
        ),
        "restore it, or start anew with `run --restart`",
    )
}

/// Rows that were checked for one type must not be turned into another on the way to the table.
fn refuse_changed(session: &Session, target: &Table, collected: &Table) -> Result<(), PostgresError> {
    for column in &target.columns {
        let name = &column.column.name;
        let Some(found) =
            collected.column(name).filter(|found| found.column.ty.name != column.column.ty.name)
        else {
            continue;
        };
        return Err(PostgresError::user(
            "table_changed",
            format!(
                "{}: column `{name}` of table `{}` is {} now, it was {} when this run began",
                session.place(),
                target.name,
                column.column.ty.name,
                found.column.ty.name
            ),
            "change the column back, or start anew with `run --restart`",
        ));
    }
    Ok(())
}

use etl_model::RunId;

use super::config::{Config, Mode};
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
    while prefix.len() > 40 {
        prefix.pop();
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
/// until it commits.
pub(super) async fn exchange(session: &Session, config: &Config, run: RunId) -> Result<(), PostgresError> {
    let collecting = name(&config.table, run);
    let target = Table::describe(session, &config.table).await?;
    let collected = Table::describe(session, &collecting).await?;
    let quoted = config.table.quoted()?;
    match (target, collected) {
        (None, None) => Ok(()),
        (None, Some(_)) => {
            let new = quote(&config.table.name)?;
            session.execute(&format!("ALTER TABLE {} RENAME TO {new}", collecting.quoted()?)).await
        }
        (Some(target), collected) => {
            session.execute(&format!("LOCK TABLE {quoted} IN EXCLUSIVE MODE; DELETE FROM {quoted}")).await?;
            let Some(collected) = collected else { return Ok(()) };
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
            session.client().batch_execute(&sql).await.at(session.place())?;
            session.execute(&format!("DROP TABLE {from}")).await
        }
    }
}

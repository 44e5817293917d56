use super::config::{Config, Mode};
use super::layout::Layout;
use crate::PostgresError;
use crate::catalog::Table;
use crate::connection::Session;
use crate::error::At;
use crate::identifier::{TableName, literal, quote, quote_all};

/// Describes the table that rows go to; refuses what can never be written to.
pub(super) async fn existing(session: &Session, config: &Config) -> Result<Option<Table>, PostgresError> {
    let place = session.place();
    let Some(table) = Table::describe(session, &config.table).await? else {
        if config.create {
            return Ok(None);
        }
        return Err(PostgresError::user(
            "table_missing",
            format!("{place}: there is no table `{}`, or this role may not see it", config.table),
            "correct the name, create the table, or allow it with `create: true`",
        ));
    };
    if !matches!(table.kind, 'r' | 'p') {
        return Err(PostgresError::user(
            "not_a_table",
            format!("{place}: `{}` is a {}", config.table, table.kind_name()),
            "write to a table; a view can select from it",
        ));
    }
    if let Mode::Upsert(key) = &config.mode {
        check_key(&table, key, place)?;
    }
    check_privileges(session, &table, &config.mode).await?;
    if config.mode == Mode::Replace {
        check_references(session, &table).await?;
    }
    Ok(Some(table))
}

fn check_key(table: &Table, key: &[String], place: &str) -> Result<(), PostgresError> {
    if let Some(missing) = key.iter().find(|column| table.column(column).is_none()) {
        return Err(PostgresError::user(
            "key_missing",
            format!("{place}: table `{}` has no column `{missing}` for the key", table.name),
            format!("its columns are {}", table.column_names()),
        ));
    }
    let same =
        |columns: &&Vec<String>| columns.len() == key.len() && key.iter().all(|name| columns.contains(name));
    if table.arbiters.iter().any(|columns| same(&columns)) {
        return Ok(());
    }
    Err(PostgresError::user(
        "key_not_unique",
        format!(
            "{place}: table `{}` has no primary key or unique index on exactly ({})",
            table.name,
            key.join(", ")
        ),
        format!(
            "CREATE UNIQUE INDEX ON {} ({})",
            table.name.quoted()?,
            quote_all(key.iter().map(String::as_str))?
        ),
    ))
}

async fn check_privileges(session: &Session, table: &Table, mode: &Mode) -> Result<(), PostgresError> {
    let needed: &[&str] = match mode {
        Mode::Append => &["INSERT"],
        Mode::Upsert(_) => &["INSERT", "UPDATE", "SELECT"],
        Mode::Replace => &["INSERT", "DELETE", "SELECT"],
    };
    for privilege in needed {
        let sql = "SELECT pg_catalog.has_table_privilege($1::oid, $2::text)";
        let row = session.client().query_one(sql, &[&table.oid, privilege]).await.at(session.place())?;
        // Column privileges may be enough for INSERT; what is missing then is said by the server.
        if !row.try_get::<_, bool>(0).at(session.place())? && *privilege != "INSERT" {
            return Err(PostgresError::user(
                "permission_denied",
                format!("{}: this role may not {privilege} on table `{}`", session.place(), table.name),
                format!("GRANT {} ON {} TO this role", needed.join(", "), table.name.quoted()?),
            ));
        }
    }
    Ok(())
}

/// Emptying the table could delete or break rows of tables that refer to it.
async fn check_references(session: &Session, table: &Table) -> Result<(), PostgresError> {
    let sql = "SELECT conrelid::regclass::text, conname::text FROM pg_catalog.pg_constraint \
               WHERE contype = 'f' AND confrelid = $1 AND conrelid <> $1 LIMIT 1";
    let Some(row) = session.client().query_opt(sql, &[&table.oid]).await.at(session.place())? else {
        return Ok(());
    };
    let (child, constraint): (String, String) =
        (row.try_get(0).at(session.place())?, row.try_get(1).at(session.place())?);
    Err(PostgresError::user(
        "foreign_keys",
        format!(
            "{}: table `{}` cannot be replaced: rows of {child} refer to it (constraint `{constraint}`)",
            session.place(),
            table.name
        ),
        "use `mode: upsert`, or drop the constraint for the time of the run",
    ))
}

/// Creates a table with the columns of a layout, unless somebody else has just done so. Commits by itself.
pub(super) async fn create(
    session: &Session,
    name: &TableName,
    layout: &Layout,
    mode: &Mode,
) -> Result<(), PostgresError> {
    let key: &[String] = if let Mode::Upsert(key) = mode { key } else { &[] };
    let mut parts = Vec::with_capacity(layout.columns.len() + 1);
    for column in &layout.columns {
        let not_null = if key.contains(&column.name) { " NOT NULL" } else { "" };
        parts.push(format!("{} {}{not_null}", quote(&column.name)?, column.ty.name));
    }
    if !key.is_empty() {
        parts.push(format!("PRIMARY KEY ({})", quote_all(key.iter().map(String::as_str))?));
    }
    let quoted = name.quoted()?;
    create_once(session, &quoted, &format!("CREATE TABLE IF NOT EXISTS {quoted} ({})", parts.join(", ")))
        .await
}

/// Executes a statement that creates the table `name` (SQL) unless it exists. One session after the other: the loser of
/// a race would get an error about the catalogue.
pub(super) async fn create_once(session: &Session, name: &str, sql: &str) -> Result<(), PostgresError> {
    let lock = format!("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext({}))", literal(name)?);
    session.execute(&format!("BEGIN; {lock}")).await?;
    let exists = "SELECT pg_catalog.to_regclass($1::text) IS NOT NULL";
    let row = session.client().query_one(exists, &[&name]).await.at(session.place())?;
    if !row.try_get::<_, bool>(0).at(session.place())? {
        session.execute(sql).await?;
    }
    session.execute("COMMIT").await
}

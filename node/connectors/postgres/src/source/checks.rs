use super::chunk::not_unique;
use super::cursor::Cursor;
use super::plan::Plan;
use super::select;
use crate::PostgresError;
use crate::connection::Session;
use crate::error::At;

/// Rows whose key is null would be left out by every comparison.
pub(super) async fn refuse_nulls(plan: &Plan, session: &Session) -> Result<(), PostgresError> {
    for key in plan.key().iter().filter(|key| key.column.nullable) {
        let name = select::column(&key.column.name)?;
        let condition = plan.condition.as_ref().map_or_else(String::new, |text| format!(" AND ({text}\n)"));
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {} WHERE {name} IS NULL{condition})",
            select::relation(plan)?
        );
        let row = session.client().query_one(&sql, &[]).await.at(&plan.place)?;
        if row.try_get::<_, bool>(0).at(&plan.place)? {
            return Err(PostgresError::user(
                "key_null",
                format!("{}: column `{}` of the key is null in some rows", plan.place, key.column.name),
                "name columns under `key` that are never null, or leave such rows out with `where`",
            ));
        }
    }
    Ok(())
}

/// Behind one of several rows with the same key the others would be left out.
pub(super) async fn refuse_twins(
    plan: &Plan,
    session: &Session,
    key: &[String],
) -> Result<(), PostgresError> {
    if plan.key_is_unique() {
        return Ok(());
    }
    let condition = plan.condition.as_ref().map_or_else(String::new, |text| format!(" AND ({text}\n)"));
    let sql = format!(
        "SELECT count(*) FROM (SELECT FROM {} WHERE {}{condition} LIMIT 2) AS twins",
        select::relation(plan)?,
        select::compare(plan, "=", key)?
    );
    let row = session.client().query_one(&sql, &[]).await.at(&plan.place)?;
    if row.try_get::<_, i64>(0).at(&plan.place)? > 1 { Err(not_unique(plan)) } else { Ok(()) }
}

/// The error for a position or range of another order than the relation is read in now.
pub(super) fn other_key(plan: &Plan) -> PostgresError {
    PostgresError::user(
        "source_changed",
        format!("{}: rows were read in another order when this run began", plan.place),
        "put the table's key or `key` back to what it was, or start anew with `run --restart`",
    )
}

/// Makes sure that the table still has its file, and keeps it from being rewritten until the transaction ends; returns
/// the number of the file's pages.
pub(super) async fn file_of(plan: &Plan, session: &Session, file: u32) -> Result<u64, PostgresError> {
    let oid = plan.table.as_ref().map_or(0, |table| table.oid);
    // The table is locked before anything is looked at, because it is named.
    let sql = format!(
        "SELECT coalesce(pg_catalog.pg_relation_filenode($1::oid::regclass), 0::oid), \
         pg_catalog.pg_relation_size($1::oid::regclass) / pg_catalog.current_setting('block_size')::int8 \
         WHERE NOT EXISTS (SELECT FROM {} LIMIT 0)",
        select::relation(plan)?
    );
    let row = session.client().query_one(&sql, &[&oid]).await.at(&plan.place)?;
    let (found, pages): (u32, i64) = (row.try_get(0).at(&plan.place)?, row.try_get(1).at(&plan.place)?);
    if found != file {
        return Err(PostgresError::user(
            "source_changed",
            format!("{}: the table was rewritten since this run began, and has no key", plan.place),
            "name columns that identify a row under `key`, or start anew with `run --restart`",
        ));
    }
    Ok(u64::try_from(pages).unwrap_or(0))
}

/// A table that is read by the places of its rows must have none that came or moved since.
pub(super) async fn unchanged(
    plan: &Plan,
    session: &Session,
    then: &Cursor,
    now: &Cursor,
) -> Result<(), PostgresError> {
    let changed = |what: &str| {
        Err(PostgresError::user(
            "source_changed",
            format!("{}: {what} since this run began, and the table has no key to go on behind", plan.place),
            "name columns that identify a row under `key`, or start anew with `run --restart`",
        ))
    };
    if then.file != now.file {
        return changed("the table was rewritten");
    }
    let Some(snapshot) = then.snapshot.as_ref().filter(|text| !text.is_empty()) else {
        return changed("it cannot be told whether rows have changed");
    };
    // The 64-bit number of the transaction that made a row version, from its 32 bits and what is current. A number above
    // the oldest that was open then may be that of a part (savepoint) of an open transaction, which no snapshot
    // tells from a finished one: such rows count as new.
    let sql = format!(
        "SELECT EXISTS (SELECT FROM (SELECT t.xmin::text::int8 AS x FROM {}) AS r, \
         (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8 AS top) AS s \
         WHERE x >= 3 AND greatest(3, top + ((x - top % 4294967296 + 6442450944) % 4294967296 - 2147483648)) \
         >= pg_snapshot_xmin({}::pg_snapshot)::text::int8)",
        select::relation(plan)?,
        crate::identifier::literal(snapshot)?
    );
    let row = session.client().query_one(&sql, &[]).await.at(&plan.place)?;
    if row.try_get::<_, bool>(0).at(&plan.place)? {
        return changed("rows were inserted or updated");
    }
    Ok(())
}

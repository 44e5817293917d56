use tokio_postgres::Row;

use super::types::{Declared, resolve};
use crate::PostgresError;
use crate::connection::Session;
use crate::error::At;
use crate::identifier::TableName;
use crate::types::Column;

/// A column as the catalogue describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableColumn {
    pub(crate) column: Column,
    /// Its type's binary form is not known here.
    pub(crate) foreign: bool,
    /// Computed from other columns, or `GENERATED ALWAYS AS IDENTITY`.
    pub(crate) generated: bool,
    /// Refuses null and has no default.
    pub(crate) required: bool,
}

/// A relation as the catalogue describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) oid: u32,
    /// As the user named it.
    pub(crate) name: TableName,
    /// `r` table, `p` partitioned table, `v` view, `m` materialized view, `f` foreign table.
    pub(crate) kind: char,
    pub(crate) columns: Vec<TableColumn>,
    /// The column names of unique keys without nulls or conditions, the primary one first, then the shortest.
    pub(crate) keys: Vec<Vec<String>>,
    /// The column names of all unique indexes and constraints that `ON CONFLICT` can name.
    pub(crate) arbiters: Vec<Vec<String>>,
    /// Bytes of its main storage, with that of its partitions and children.
    pub(crate) bytes: u64,
    /// Whether reading it reads other tables, too: partitions, or tables that inherit from it.
    pub(crate) has_children: bool,
    /// Changes when the table is rewritten.
    pub(crate) file_node: u32,
    /// Whether large values of its rows may be stored elsewhere (TOAST).
    pub(crate) stores_apart: bool,
    /// The server's version, such as 150004.
    pub(crate) server: i32,
}

const FIND: &str = "\
SELECT c.oid, c.relkind::text,
       (WITH RECURSIVE tree (oid) AS (
            SELECT c.oid UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid)
        SELECT coalesce(sum(pg_catalog.pg_relation_size(tree.oid)), 0)::int8 FROM tree),
       coalesce(pg_catalog.pg_relation_filenode(c.oid), 0::oid),
       EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
       c.reltoastrelid <> 0, pg_catalog.current_setting('server_version_num')::int4
FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1::text)::oid";

/// Everything that decides how rows of the table look, in one text.
const SHAPE: &str = "\
SELECT a.attrelid::text || coalesce(string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attndims,
       a.attnotnull, a.atthasdef, to_jsonb(a) ->> 'attgenerated', to_jsonb(a) ->> 'attidentity'), ',' ORDER BY a.attnum), '')
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = pg_catalog.to_regclass($1::text)::oid AND a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attrelid";

const COLUMNS: &str = "\
SELECT a.attname::text, a.atttypid, a.atttypmod, a.attndims::int2, a.attnotnull,
       to_jsonb(a) ->> 'attgenerated' IN ('s', 'v') OR to_jsonb(a) ->> 'attidentity' = 'a',
       a.attnotnull AND NOT a.atthasdef AND coalesce(to_jsonb(a) ->> 'attidentity', '') = ''
FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// Every immediate unique index without condition or expression, and whether its columns refuse null.
const KEYS: &str = "\
SELECT array_agg(a.attname::text ORDER BY k.place), bool_and(a.attnotnull)
FROM pg_catalog.pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
  AND k.place <= i.indnkeyatts
GROUP BY i.indexrelid, i.indisprimary, i.indnkeyatts ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid";

impl Table {
    /// Describes the relation of that name, if there is one.
    pub(crate) async fn describe(session: &Session, name: &TableName) -> Result<Option<Self>, PostgresError> {
        let place = session.place();
        let Some(found) = session.client().query_opt(FIND, &[&name.quoted()?]).await.at(place)? else {
            return Ok(None);
        };
        let oid: u32 = found.try_get(0).at(place)?;
        let kind: &str = found.try_get(1).at(place)?;
        let bytes: i64 = found.try_get(2).at(place)?;
        let rows = session.client().query(COLUMNS, &[&oid]).await.at(place)?;
        let keys = session.client().query(KEYS, &[&oid]).await.at(place)?;
        let mut table = Self {
            oid,
            name: name.clone(),
            kind: kind.chars().next().unwrap_or('r'),
            columns: columns(session, &rows).await?,
            keys: Vec::new(),
            arbiters: Vec::new(),
            bytes: u64::try_from(bytes).unwrap_or(0),
            has_children: found.try_get(4).at(place)?,
            file_node: found.try_get(3).at(place)?,
            stores_apart: found.try_get(5).at(place)?,
            server: found.try_get(6).at(place)?,
        };
        for row in &keys {
            let columns: Vec<String> = row.try_get(0).at(place)?;
            if row.try_get::<_, bool>(1).at(place)? {
                table.keys.push(columns.clone());
            }
            table.arbiters.push(columns);
        }
        Ok(Some(table))
    }

    /// A text that differs when the table is another one or has other columns; empty without a table.
    pub(crate) async fn shape(session: &Session, name: &TableName) -> Result<String, PostgresError> {
        let place = session.place();
        let found = session.client().query_opt(SHAPE, &[&name.quoted()?]).await.at(place)?;
        found.map_or(Ok(String::new()), |row| row.try_get(0).at(place))
    }

    /// The column of that name.
    pub(crate) fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.column.name == name)
    }

    /// For messages.
    pub(crate) fn column_names(&self) -> String {
        let names: Vec<_> = self.columns.iter().take(50).map(|column| column.column.name.as_str()).collect();
        let more = if self.columns.len() > names.len() { ", ..." } else { "" };
        format!("{}{more}", names.join(", "))
    }

    /// What its `kind` is called.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind {
            'r' => "table",
            'p' => "partitioned table",
            'v' => "view",
            'm' => "materialized view",
            'f' => "foreign table",
            'S' => "sequence",
            'i' | 'I' => "index",
            _ => "relation",
        }
    }
}

async fn columns(session: &Session, rows: &[Row]) -> Result<Vec<TableColumn>, PostgresError> {
    let place = session.place();
    let mut declared = Vec::with_capacity(rows.len());
    for row in rows {
        declared.push(Declared {
            oid: row.try_get(1).at(place)?,
            modifier: row.try_get(2).at(place)?,
            dimensions: row.try_get(3).at(place)?,
        });
    }
    let types = resolve(session, &declared).await?;
    let mut columns = Vec::with_capacity(rows.len());
    for (row, resolved) in rows.iter().zip(types) {
        let not_null: bool = row.try_get(4).at(place)?;
        columns.push(TableColumn {
            column: Column { name: row.try_get(0).at(place)?, ty: resolved.ty, nullable: !not_null },
            foreign: resolved.foreign,
            generated: row.try_get::<_, Option<bool>>(5).at(place)?.unwrap_or(false),
            required: row.try_get::<_, Option<bool>>(6).at(place)?.unwrap_or(false),
        });
    }
    Ok(columns)
}

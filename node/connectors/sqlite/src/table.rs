use rusqlite::{Connection, OptionalExtension};

use crate::SqliteError;
use crate::error::At;

/// How SQLite converts a value that is stored in a column (<https://www.sqlite.org/datatype3.html>, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Real,
    Numeric,
    Text,
    /// Values stay as they are.
    Blob,
}

impl Affinity {
    /// The affinity that follows from a declared type.
    pub(crate) fn of(declared: &str, strict: bool) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if strict && declared == "ANY" {
            Self::Blob
        } else if has("INT") {
            Self::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if has("BLOB") || declared.trim().is_empty() {
            Self::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Self::Real
        } else {
            Self::Numeric
        }
    }
}

/// A column as the database describes it.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The declared type, as written; may be empty.
    pub(crate) declared: String,
    pub(crate) affinity: Affinity,
    /// Refuses null and has no default.
    pub(crate) required: bool,
    /// Computed from other columns.
    pub(crate) generated: bool,
    /// Its place in the primary key, from 1; 0 when it is not part of it.
    pub(crate) key: i64,
}

/// What an entry of the schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    View,
    Virtual,
}

/// A table or view as the database describes it.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The statement that created it.
    pub(crate) sql: String,
    pub(crate) without_rowid: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) has_triggers: bool,
}

impl Table {
    /// Describes the table or view of that name, if there is one.
    pub(crate) fn describe(
        connection: &Connection,
        name: &str,
        place: &str,
    ) -> Result<Option<Self>, SqliteError> {
        let found = connection
            .prepare_cached("SELECT type, wr, strict, name FROM pragma_table_list(?1) WHERE schema = 'main'")
            .and_then(|mut statement| {
                statement
                    .query_row([name], |row| {
                        let kind: String = row.get(0)?;
                        let without_rowid: bool = row.get(1)?;
                        let strict: bool = row.get(2)?;
                        let name: String = row.get(3)?;
                        Ok((kind, without_rowid, strict, name))
                    })
                    .optional()
            })
            .at(place)?;
        let Some((kind, without_rowid, strict, name)) = found else { return Ok(None) };
        let kind = match kind.as_str() {
            "view" => Kind::View,
            "table" => Kind::Table,
            _ => Kind::Virtual,
        };
        let sql = connection
            .prepare_cached("SELECT sql FROM sqlite_schema WHERE name = ?1 AND type IN ('table', 'view')")
            .and_then(|mut statement| statement.query_row([&name], |row| row.get(0)).optional())
            .at(place)?
            .unwrap_or_default();
        let has_triggers = connection
            .prepare_cached("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1")
            .and_then(|mut statement| statement.query_row([&name], |row| row.get::<_, i64>(0)))
            .at(place)?
            > 0;
        let columns = columns(connection, &name, without_rowid, strict).at(place)?;
        Ok(Some(Self { name, kind, sql, without_rowid, columns, has_triggers }))
    }

    /// The column of that name; SQLite does not distinguish upper and lower case of ASCII letters.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The names of all columns, for messages.
    pub(crate) fn column_names(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The column that is another name of the row id, if there is one.
    pub(crate) fn integer_key(&self) -> Option<&Column> {
        let mut keys = self.columns.iter().filter(|column| column.key > 0);
        match (keys.next(), keys.next()) {
            (Some(column), None)
                if !self.without_rowid && column.declared.eq_ignore_ascii_case("INTEGER") =>
            {
                Some(column)
            }
            _ => None,
        }
    }
}

fn columns(
    connection: &Connection,
    name: &str,
    without_rowid: bool,
    strict: bool,
) -> rusqlite::Result<Vec<Column>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, hidden, pk FROM pragma_table_xinfo(?1) \
         WHERE hidden != 1",
    )?;
    let mut columns = statement
        .query_map([name], |row| {
            let declared: String = row.get(1)?;
            let (not_null, has_default): (bool, bool) = (row.get(2)?, row.get(3)?);
            let (hidden, key): (i64, i64) = (row.get(4)?, row.get(5)?);
            Ok(Column {
                name: row.get(0)?,
                affinity: Affinity::of(&declared, strict),
                declared,
                required: (not_null || (without_rowid && key > 0)) && !has_default,
                generated: hidden != 0,
                key,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let keys = columns.iter().filter(|column| column.key > 0).count();
    for column in &mut columns {
        // A missing row id is made up.
        if keys == 1 && column.key > 0 && !without_rowid && column.declared.eq_ignore_ascii_case("INTEGER") {
            column.required = false;
        }
    }
    Ok(columns)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn affinities_follow_the_manual() {
        for (declared, affinity) in [
            ("INTEGER", Affinity::Integer),
            ("bigint", Affinity::Integer),
            ("VARCHAR(255)", Affinity::Text),
            ("CHARINT", Affinity::Integer),
            ("JSON_TEXT", Affinity::Text),
            ("BLOB", Affinity::Blob),
            ("", Affinity::Blob),
            ("DOUBLE PRECISION", Affinity::Real),
            ("DECIMAL(10,5)", Affinity::Numeric),
            ("BOOLEAN", Affinity::Numeric),
            ("DATETIME", Affinity::Numeric),
            ("ANY", Affinity::Numeric),
        ] {
            assert_eq!(Affinity::of(declared, false), affinity, "{declared}");
        }
        assert_eq!(Affinity::of("ANY", true), Affinity::Blob);
    }

    #[test]
    fn tables_are_described_with_keys_defaults_and_generated_columns() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE \"we\"\"ird; table\" (id INTEGER PRIMARY KEY NOT NULL, a TEXT NOT NULL, \
                 b REAL NOT NULL DEFAULT 1, c AS (b * 2) STORED);
                 CREATE VIEW v AS SELECT 1 AS one;
                 CREATE TABLE w (k TEXT, n INT, PRIMARY KEY (k, n)) WITHOUT ROWID;",
            )
            .unwrap();
        let table = Table::describe(&connection, "WE\"ird; table", "db").unwrap().unwrap();
        let required: Vec<_> =
            table.columns.iter().map(|c| (c.name.as_str(), c.required, c.generated)).collect();
        assert_eq!(
            required,
            [("id", false, false), ("a", true, false), ("b", false, false), ("c", false, true)]
        );
        assert_eq!(table.integer_key().unwrap().name, "id");
        assert!(table.column("A").is_some() && table.sql.starts_with("CREATE TABLE"));
        assert_eq!(Table::describe(&connection, "v", "db").unwrap().unwrap().kind, Kind::View);
        let without = Table::describe(&connection, "w", "db").unwrap().unwrap();
        assert!(without.without_rowid && without.integer_key().is_none());
        assert!(without.columns.iter().all(|column| column.required));
        assert!(Table::describe(&connection, "nope", "db").unwrap().is_none());
    }
}

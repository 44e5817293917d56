use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use rusqlite::Connection;

use super::columns::{Column, detect};
use super::config::{Config, Relation};
use super::cursor::fingerprint;
use crate::SqliteError;
use crate::error::At;
use crate::identifier::{quote, quote_all};
use crate::table::{Kind, Table};

/// In which order rows are read, and how one goes on behind a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// By row id, under the name by which the table lets it be addressed. `lasting` when the row id is a column of the
    /// table: others may be given out anew by VACUUM.
    RowId { name: &'static str, lasting: bool },
    /// By key. `indexed` when the key is the table's own, so that every chunk may be looked up anew.
    Key { columns: Vec<String>, indexed: bool },
    /// As they come.
    Unordered,
}

/// What is read and how.
#[derive(Debug)]
pub(super) struct Plan {
    /// The database and table, for messages.
    pub(super) place: String,
    pub(super) order: Order,
    pub(super) columns: Vec<Column>,
    pub(super) schema: SchemaRef,
    /// Of the definition of what is read.
    pub(super) fingerprint: String,
    from: String,
    selected: String,
}

impl Plan {
    /// Looks at the database and decides.
    pub(super) fn new(connection: &Connection, config: &Config) -> Result<Self, SqliteError> {
        let database = config.path.display();
        let (place, from, order, definition) = match &config.relation {
            Relation::Table(name) => {
                let place = format!("{database}, table `{name}`");
                let table = Table::describe(connection, name, &place)?.ok_or_else(|| {
                    SqliteError::user(
                        "table_missing",
                        format!("{database}: there is no table `{name}`"),
                        "correct `table`",
                    )
                })?;
                (place, quote(&table.name)?, order(&table, config)?, table.sql)
            }
            Relation::Query(query) => {
                let order = match config.key.is_empty() {
                    true => Order::Unordered,
                    false => Order::Key { columns: config.key.clone(), indexed: false },
                };
                (format!("{database}, query"), format!("(\n{query}\n)"), order, query.clone())
            }
        };
        let listed = match &config.relation {
            Relation::Table(_) => format!("SELECT * FROM {from}"),
            // By itself: inside another SELECT, SQLite would rename columns of the same name.
            Relation::Query(query) => query.clone(),
        };
        let available = available_columns(connection, &listed, &place)?;
        // Checked here, for SQLite takes an unknown name in double quotes for a string.
        for name in config.key.iter().chain(config.columns.iter().flatten()) {
            if !available.iter().any(|column| column.eq_ignore_ascii_case(name)) {
                return Err(SqliteError::user(
                    "column_missing",
                    format!("{place}: there is no column `{name}`"),
                    format!("the columns are {}", available.join(", ")),
                ));
            }
        }
        // Spelled out: a column that is added later must not join a run that goes on.
        let selected = quote_all(config.columns.as_ref().unwrap_or(&available).iter().map(String::as_str))?;
        let mut plan = Self {
            place,
            order,
            columns: Vec::new(),
            schema: Arc::new(Schema::empty()),
            fingerprint: fingerprint(format!("{definition}\0{:?}\0{selected}", config.key).as_bytes()),
            from,
            selected,
        };
        let sample = format!("SELECT {} FROM {} {}", plan.selected, plan.from, plan.order_by()?);
        plan.columns = detect(connection, &sample, &plan.place).map_err(|error| plan.explain(error))?;
        let fields: Vec<_> = plan.columns.iter().map(Column::field).collect();
        plan.schema = Arc::new(Schema::new(fields));
        Ok(plan)
    }

    /// Columns before the ones that are read: row id or key.
    pub(super) fn leading(&self) -> usize {
        match &self.order {
            Order::RowId { .. } => 1,
            Order::Key { columns, .. } => columns.len(),
            Order::Unordered => 0,
        }
    }

    /// The statement that reads: row ids between two parameters; keys from the parameters on, when `resumed`, with
    /// the row of exactly that key first if it still exists.
    pub(super) fn select(&self, resumed: bool) -> Result<String, SqliteError> {
        let (selected, from, order_by) = (&self.selected, &self.from, self.order_by()?);
        Ok(match &self.order {
            Order::RowId { name, .. } => {
                format!(
                    "SELECT {name}, {selected} FROM {from} WHERE {name} >= ?1 AND {name} <= ?2 {order_by}"
                )
            }
            Order::Key { columns, indexed } => {
                let keys = quote_all(columns.iter().map(String::as_str))?;
                let mut condition = String::new();
                if resumed {
                    let parameters = vec!["?"; columns.len()].join(", ");
                    condition = format!(" WHERE ({keys}) >= ({parameters})");
                    if !indexed {
                        // A row without a key must be seen, so that it can be refused.
                        for column in columns {
                            condition.push_str(&format!(" OR {} IS NULL", quote(column)?));
                        }
                    }
                }
                format!("SELECT {keys}, {selected} FROM {from}{condition} {order_by}")
            }
            Order::Unordered => format!("SELECT {selected} FROM {from}"),
        })
    }

    /// The statement that reads one row by row id.
    pub(super) fn select_one(&self, name: &str) -> String {
        format!("SELECT {name}, {} FROM {} WHERE {name} = ?1", self.selected, self.from)
    }

    /// The largest row id, where reading ends; `None` for an empty table.
    pub(super) fn last_row_id(
        &self,
        connection: &Connection,
        name: &str,
    ) -> Result<Option<i64>, SqliteError> {
        let sql = format!("SELECT max({name}) FROM {}", self.from);
        connection.query_row(&sql, [], |row| row.get(0)).at(&self.place)
    }

    fn order_by(&self) -> Result<String, SqliteError> {
        Ok(match &self.order {
            Order::RowId { name, .. } => format!("ORDER BY {name}"),
            Order::Key { columns, .. } => {
                format!("ORDER BY {}", quote_all(columns.iter().map(String::as_str))?)
            }
            Order::Unordered => String::new(),
        })
    }

    /// Says of an error of the statement as a whole what the user can mend.
    fn explain(&self, error: SqliteError) -> SqliteError {
        match error {
            SqliteError::Sqlite { place, source }
                if matches!(source, rusqlite::Error::SqlInputError { .. })
                    || source.sqlite_error_code() == Some(rusqlite::ErrorCode::Unknown) =>
            {
                SqliteError::user(
                    "invalid_query",
                    format!("{place}: {source}"),
                    "correct `query`, `key` or `columns`; a query is one SELECT statement without parameters",
                )
            }
            other => other,
        }
    }
}

fn order(table: &Table, config: &Config) -> Result<Order, SqliteError> {
    let primary: Vec<String> = {
        let mut keys: Vec<_> = table.columns.iter().filter(|column| column.key > 0).collect();
        keys.sort_by_key(|column| column.key);
        keys.into_iter().map(|column| column.name.clone()).collect()
    };
    if !config.key.is_empty() {
        return Ok(Order::Key { columns: config.key.clone(), indexed: false });
    }
    if table.kind == Kind::Table && table.without_rowid {
        return Ok(Order::Key { columns: primary, indexed: true });
    }
    let free = ["rowid", "_rowid_", "oid"].into_iter().find(|name| table.column(name).is_none());
    match free {
        Some(name) if table.kind == Kind::Table => {
            Ok(Order::RowId { name, lasting: table.integer_key().is_some() })
        }
        _ => match table.integer_key() {
            Some(column) => Ok(Order::Key { columns: vec![column.name.clone()], indexed: true }),
            None => Err(SqliteError::user(
                "key_needed",
                format!("{}: `{}` has no row ids to read by", config.path.display(), table.name),
                "name the columns that identify a row under `key`",
            )),
        },
    }
}

/// The names of the columns that a statement yields.
fn available_columns(connection: &Connection, select: &str, place: &str) -> Result<Vec<String>, SqliteError> {
    let invalid = |what: &dyn std::fmt::Display| {
        SqliteError::user(
            "invalid_query",
            format!("{place}: {what}"),
            "correct `query`: it is one SELECT statement without parameters",
        )
    };
    let statement = connection.prepare(select).map_err(|error| invalid(&error))?;
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(invalid(&"the query is not a SELECT statement"));
    }
    if statement.parameter_count() > 0 {
        return Err(invalid(&"the query has parameters"));
    }
    let mut names: Vec<String> = Vec::new();
    for name in statement.column_names() {
        if names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(SqliteError::user(
                "duplicate_column",
                format!("{place}: two columns are called `{name}`"),
                "give one of them another name with AS",
            ));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

use std::sync::Arc;

use etl_model::Position;
use etl_sdk::{ConnectorError, ReadOptions};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, Rows, Statement};
use tokio::sync::mpsc::Sender;

use super::chunk::RawChunk;
use super::cursor::{Cursor, KeyValue, ordinal, row_id};
use super::plan::{Order, Plan};
use crate::SqliteError;
use crate::error::At;

/// What the producer hands to the reader.
pub(super) enum Produced {
    Chunk(Box<RawChunk>),
    End(Position),
}

/// Reads a partition on a thread of its own, one chunk ahead of the reader, until its end or until the reader is gone.
pub(super) struct Producer {
    connection: Connection,
    plan: Arc<Plan>,
    options: ReadOptions,
    next: u64,
    /// Row ids above are not read: rows that are added meanwhile belong to the next run.
    last_row_id: Option<i64>,
    /// The key of the last row handed out.
    key: Option<Vec<KeyValue>>,
    /// Whether the row of that key will be met once more.
    meets_key: bool,
    cursor: Cursor,
}

impl Producer {
    /// Gets ready to read from a position; refuses it when what it covers has changed. Blocks.
    pub(super) fn new(
        connection: Connection,
        plan: Plan,
        from: Option<&Position>,
        options: ReadOptions,
    ) -> Result<Self, SqliteError> {
        let found = from.map(Cursor::of).transpose()?.flatten();
        let mut cursor = Cursor { schema: plan.fingerprint.clone(), last: None, key: None };
        if let Some(found) = found {
            if found.schema != cursor.schema {
                return Err(changed(&plan, "its definition is not the one the interrupted run has read"));
            }
            cursor = found;
        }
        let mut last_row_id = None;
        if let Order::RowId { name, .. } = plan.order {
            last_row_id = plan.last_row_id(&connection, name)?;
            if last_row_id == Some(i64::MAX) {
                return Err(SqliteError::user(
                    "row_id_too_large",
                    format!("{}: row id {} leaves no place behind it", plan.place, i64::MAX),
                    "give that row another row id, or read by another column with `key`",
                ));
            }
        }
        if plan.order == Order::Unordered && from.is_some_and(|position| position.next > 0) {
            return Err(SqliteError::user(
                "not_replayable",
                format!("{}: a query without `key` cannot be continued", plan.place),
                "name the columns that identify a row under `key`, or start anew with `run --restart`",
            ));
        }
        let (next, key) = (from.map_or(0, |position| position.next), cursor.key.clone());
        let meets_key = key.is_some();
        let producer =
            Self { connection, plan: Arc::new(plan), options, next, last_row_id, key, meets_key, cursor };
        producer.check_last_row()?;
        Ok(producer)
    }

    /// Where row ids may be given out anew, the row before the position must be the one that was there.
    fn check_last_row(&self) -> Result<(), SqliteError> {
        let (Order::RowId { name, .. }, Some(expected)) = (&self.plan.order, &self.cursor.last) else {
            return Ok(());
        };
        let before = row_id(self.next.saturating_sub(1));
        let mut chunk = RawChunk::new(self.plan.clone());
        let mut statement = self.connection.prepare(&self.plan.select_one(name)).at(&self.plan.place)?;
        let found = statement.query_row([before], |row| Ok(chunk.push(row, 1, self.next))).optional();
        let pushed = found.at(&self.plan.place)?.transpose()?;
        if pushed.is_some() && chunk.last_row().as_ref() == Some(expected) {
            Ok(())
        } else {
            Err(changed(
                &self.plan,
                &format!("row id {before}, where the interrupted run stopped, is another row now"),
            ))
        }
    }

    /// Reads to the end.
    pub(super) fn run(mut self, to: &Sender<Result<Produced, ConnectorError>>) {
        if let Err(error) = self.produce(to) {
            // A reader that is gone does not want to know.
            let _ = to.blocking_send(Err(error.into()));
        }
    }

    fn produce(&mut self, to: &Sender<Result<Produced, ConnectorError>>) -> Result<(), SqliteError> {
        let plan = self.plan.clone();
        // Looking every chunk up anew keeps read transactions short; a query would have to be sorted again.
        let look_up = matches!(plan.order, Order::RowId { .. } | Order::Key { indexed: true, .. });
        let connection =
            std::mem::replace(&mut self.connection, Connection::open_in_memory().at(&plan.place)?);
        loop {
            let mut statement =
                connection.prepare_cached(&plan.select(self.key.is_some())?).at(&plan.place)?;
            self.bind(&mut statement)?;
            let mut rows = statement.raw_query();
            if look_up {
                let gathered = self.gather(&mut rows)?;
                // Ends the read transaction before waiting for the reader: it would keep writers of the database out.
                drop(rows);
                drop(statement);
                if !self.send(to, gathered)? {
                    return Ok(());
                }
            } else {
                loop {
                    let gathered = self.gather(&mut rows)?;
                    if !self.send(to, gathered)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Hands over what was gathered; returns whether to go on.
    fn send(
        &self,
        to: &Sender<Result<Produced, ConnectorError>>,
        (chunk, ended): (Option<RawChunk>, bool),
    ) -> Result<bool, SqliteError> {
        if let Some(chunk) = chunk
            && to.blocking_send(Ok(Produced::Chunk(Box::new(chunk)))).is_err()
        {
            return Ok(false);
        }
        if ended {
            let end = self.cursor.at(self.next)?;
            let _ = to.blocking_send(Ok(Produced::End(end)));
        }
        Ok(!ended)
    }

    fn bind(&mut self, statement: &mut Statement<'_>) -> Result<(), SqliteError> {
        let place = &self.plan.place;
        match (&self.plan.order, &self.key) {
            (Order::RowId { .. }, _) => {
                statement.raw_bind_parameter(1, row_id(self.next)).at(place)?;
                // An empty table has no largest row id, and nothing to read either.
                statement.raw_bind_parameter(2, self.last_row_id).at(place)
            }
            (Order::Key { .. }, Some(key)) => {
                self.meets_key = true;
                for (i, value) in key.iter().enumerate() {
                    statement.raw_bind_parameter(i + 1, value).at(place)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Copies rows until the chunk is full; returns whether they have ended.
    fn gather(&mut self, rows: &mut Rows<'_>) -> Result<(Option<RawChunk>, bool), SqliteError> {
        let plan = self.plan.clone();
        let leading = plan.leading();
        let mut chunk = RawChunk::new(plan.clone());
        let ended = loop {
            if chunk.bytes() >= self.options.chunk_bytes.max(1) {
                break false;
            }
            let Some(row) = rows.next().at(&plan.place)? else { break true };
            let Some(ordinal) = self.ordinal(row)? else { continue };
            let bytes = chunk.push(row, leading, ordinal)?;
            if bytes > self.options.max_record_bytes {
                return Err(SqliteError::user(
                    "record_too_large",
                    format!(
                        "{}: a record of {bytes} bytes, more than the {} bytes allowed for one",
                        plan.place, self.options.max_record_bytes
                    ),
                    "leave the large column out with `columns`, or raise the limit for one record",
                ));
            }
            self.next = ordinal + 1; // row ids and counts end below u64::MAX
        };
        if chunk.ordinals.is_empty() {
            return Ok((None, ended));
        }
        if matches!(plan.order, Order::RowId { lasting: false, .. }) {
            self.cursor.last = chunk.last_row();
        }
        self.cursor.key.clone_from(&self.key);
        chunk.end_at(self.cursor.at(self.next)?);
        Ok((Some(chunk), ended))
    }

    /// The ordinal of a row; `None` for the row that the key before the position belongs to.
    fn ordinal(&mut self, row: &Row<'_>) -> Result<Option<u64>, SqliteError> {
        let place = &self.plan.place;
        let columns = match &self.plan.order {
            Order::RowId { .. } => return Ok(Some(ordinal(row.get(0).at(place)?))),
            Order::Unordered => return Ok(Some(self.next)),
            Order::Key { columns, .. } => columns,
        };
        let mut key = Vec::with_capacity(columns.len());
        for (i, column) in columns.iter().enumerate() {
            key.push(key_value(row.get_ref(i).at(place)?, column, place)?);
        }
        if self.key.as_ref() == Some(&key) {
            if std::mem::take(&mut self.meets_key) {
                return Ok(None);
            }
            return Err(SqliteError::user(
                "key_not_unique",
                format!("{place}: several rows have the key {}", shown(&key)),
                "name columns under `key` that no two rows share",
            ));
        }
        self.meets_key = false;
        self.key = Some(key);
        Ok(Some(self.next))
    }
}

fn key_value(value: ValueRef<'_>, column: &str, place: &str) -> Result<KeyValue, SqliteError> {
    let refuse = |what: &str| {
        SqliteError::user(
            "key_unfit",
            format!("{place}: column `{column}` of the key holds {what}"),
            "name columns under `key` that hold integers or text and are never null",
        )
    };
    match value {
        ValueRef::Integer(value) => Ok(KeyValue::Integer(value)),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(KeyValue::Text(text.to_owned())),
            Err(_) => Err(refuse("text that is not UTF-8")),
        },
        ValueRef::Null => Err(refuse("null")),
        ValueRef::Real(value) => Err(refuse(&format!("the float {value}"))),
        ValueRef::Blob(_) => Err(refuse("bytes")),
    }
}

fn shown(key: &[KeyValue]) -> String {
    let values = key.iter().map(|value| match value {
        KeyValue::Integer(value) => value.to_string(),
        KeyValue::Text(text) => format!("`{}`", text.chars().take(100).collect::<String>()),
    });
    values.collect::<Vec<_>>().join(", ")
}

fn changed(plan: &Plan, what: &str) -> SqliteError {
    SqliteError::user(
        "source_changed",
        format!("{}: {what}", plan.place),
        "put it back, or start anew with `run --restart`",
    )
}

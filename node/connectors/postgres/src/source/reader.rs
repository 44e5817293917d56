use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use etl_model::Position;
use etl_sdk::{ConnectorError, Fetched, PartitionReader, ReadOptions};
use futures::Stream;
use tokio_postgres::CopyOutStream;

use super::chunk::{RawChunk, not_unique};
use super::cursor::{Cursor, Place, integer_of, ordinal_of};
use super::plan::{Order, Plan};
use super::range::Range;
use super::select;
use super::snapshot::Snapshot;
use crate::PostgresError;
use crate::connection::{Driver, Session};
use crate::copy::decode::value_to_text;
use crate::copy::{HEADER, TRAILER, field};
use crate::error::At;
use crate::types::Kind;

/// Leaves the planner nothing but scans that yield rows as they lie in the file, without having to sort them.
const IN_ORDER_OF_THE_FILE: &str = "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL synchronize_seqscans = off; \
                                    SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off";

/// Reads one range. The server sends one message per row, so rows need no taking apart here.
pub(super) struct Reader {
    plan: Arc<Plan>,
    options: ReadOptions,
    stream: Pin<Box<CopyOutStream>>,
    driver: Option<Driver>,
    /// Keep the transaction and the snapshot open.
    _session: Session,
    _snapshot: Arc<Snapshot>,
    cursor: Cursor,
    next: u64,
    /// The key of the last row, in its binary form; only where ordinals are counted by key.
    last_key: Vec<u8>,
    header_seen: bool,
    trailer_seen: bool,
    /// The stream must not be asked again.
    ended: bool,
    end: Option<Position>,
}

impl Reader {
    /// Starts the COPY of a range behind a position, in a transaction that sees the snapshot.
    pub(super) async fn open(
        plan: Arc<Plan>,
        range: &Range,
        from: Option<&Position>,
        options: ReadOptions,
        mut session: Session,
        snapshot: Arc<Snapshot>,
    ) -> Result<Self, PostgresError> {
        let next = from.map_or(0, |position| position.next);
        let found = from.map(|position| Cursor::of(position, &plan)).transpose()?.unwrap_or_default();
        let place = found.place(next, &plan)?;
        let mut cursor = Cursor::new(&plan, &snapshot.visible);
        cursor.key.clone_from(&found.key);
        if next > 0 && matches!(plan.order, Order::Physical { .. }) {
            unchanged(&plan, &session, &found, &cursor).await?;
        }
        refuse_nulls(&plan, &session).await?;
        if let Place::Key(key) = &place {
            refuse_twins(&plan, &session, key).await?;
        }
        if matches!(plan.order, Order::Physical { .. }) && plan.condition.is_none() {
            session.execute(IN_ORDER_OF_THE_FILE).await?;
        }
        let sql = select::copy(&plan, range, &place)?;
        let stream = session.client().copy_out(&sql).await.at(&plan.place)?;
        Ok(Self {
            plan,
            options,
            stream: Box::pin(stream),
            driver: session.take_driver().await,
            _session: session,
            _snapshot: snapshot,
            cursor,
            next,
            last_key: Vec::new(),
            header_seen: false,
            trailer_seen: false,
            ended: false,
            end: None,
        })
    }

    async fn chunk(&mut self) -> Result<Fetched, PostgresError> {
        let mut tuples = Vec::with_capacity(self.options.chunk_bytes + self.options.chunk_bytes / 8);
        let (first, mut rows) = (self.next, 0_u64);
        let mut last = 0;
        while !self.ended && tuples.len() < self.options.chunk_bytes {
            let Some(message) = self.message().await else {
                self.ended = true;
                if !self.trailer_seen {
                    return Err(self.broken("it ended without its trailer"));
                }
                break;
            };
            let message = message.at(&self.plan.place)?;
            let Some(tuple) = self.tuple(&message)? else { continue };
            if tuple.len() > self.options.max_record_bytes {
                return Err(self.too_large(tuple.len(), tuple));
            }
            if matches!(self.plan.order, Order::Key(_)) {
                self.meet_key(tuple)?;
            }
            last = tuples.len();
            tuples.extend_from_slice(tuple);
            rows += 1;
        }
        if rows == 0 {
            let end = self.cursor.at(self.next, &self.plan)?;
            self.end = Some(end.clone());
            return Ok(Fetched::End(end));
        }
        self.advance(tuples.get(last..).unwrap_or_default(), rows)?;
        let end = self.cursor.at(self.next, &self.plan)?;
        Ok(Fetched::Chunk(Box::new(RawChunk { plan: self.plan.clone(), tuples, first, end })))
    }

    /// The next message of the COPY. The connection is driven from here, and only when nothing is waiting any more.
    async fn message(&mut self) -> Option<Result<Bytes, tokio_postgres::Error>> {
        let (stream, driver) = (&mut self.stream, &mut self.driver);
        poll_fn(|context| {
            if let Poll::Ready(message) = stream.as_mut().poll_next(context) {
                return Poll::Ready(message);
            }
            if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(context).is_ready()) {
                *driver = None;
            }
            stream.as_mut().poll_next(context)
        })
        .await
    }

    /// The row of a message, without what precedes the first and follows the last.
    fn tuple<'a>(&mut self, message: &'a Bytes) -> Result<Option<&'a [u8]>, PostgresError> {
        let mut rest: &[u8] = message;
        if !self.header_seen {
            rest = rest.strip_prefix(&HEADER[..]).ok_or_else(|| self.broken("its header is not known"))?;
            self.header_seen = true;
        }
        if rest == TRAILER {
            self.trailer_seen = true;
            return Ok(None);
        }
        Ok((!rest.is_empty()).then_some(rest))
    }

    /// Refuses a key that the row before had, too: a continuation behind it would leave one of them out.
    fn meet_key(&mut self, tuple: &[u8]) -> Result<(), PostgresError> {
        let mut key = Vec::with_capacity(self.last_key.len());
        for column in self.plan.key() {
            let value = field(tuple, column.at).ok_or_else(|| self.broken("a row has too few fields"))?;
            key.extend_from_slice(&(value.map_or(u64::MAX, |bytes| bytes.len() as u64)).to_le_bytes());
            key.extend_from_slice(value.unwrap_or_default());
        }
        if key == self.last_key {
            return Err(not_unique(&self.plan));
        }
        self.last_key = key;
        Ok(())
    }

    /// Moves the position behind the last row of a chunk.
    fn advance(&mut self, last: &[u8], rows: u64) -> Result<(), PostgresError> {
        let plan = self.plan.clone();
        let value = |at: usize| match field(last, at) {
            Some(Some(bytes)) => Ok(bytes),
            _ => Err(PostgresError::user(
                "key_null",
                format!("{}: a column of the key is null in some rows", plan.place),
                "name columns under `key` that are never null",
            )),
        };
        let ordinal = match &plan.order {
            Order::Integer(key) => ordinal_of(
                integer(&key.column.ty.kind, value(key.at)?)
                    .ok_or_else(|| self.broken("an integer of the key has another length than its type"))?,
            ),
            Order::Physical { at } => {
                let bytes: [u8; 6] =
                    value(*at)?.try_into().map_err(|_| self.broken("a row's place is not 6 bytes"))?;
                bytes.iter().fold(0, |ordinal, &byte| ordinal << 8 | u64::from(byte))
            }
            Order::Key(columns) => {
                let mut key = Vec::with_capacity(columns.len());
                for column in columns {
                    let text = value_to_text(&column.column.ty.kind, value(column.at)?);
                    key.push(text.map_err(|error| PostgresError::Impossible(error.to_string()))?);
                }
                self.cursor.key = Some(key);
                self.next += rows;
                return Ok(());
            }
            Order::Unordered => {
                self.next += rows;
                return Ok(());
            }
        };
        if ordinal < self.next {
            return Err(not_unique(&plan));
        }
        self.next = ordinal.checked_add(1).ok_or_else(|| {
            PostgresError::user(
                "key_too_large",
                format!("{}: the key {} leaves no place behind it", plan.place, integer_of(ordinal)),
                "give that row another key, or read by other columns with `key`",
            )
        })?;
        Ok(())
    }

    fn too_large(&self, bytes: usize, tuple: &[u8]) -> PostgresError {
        let shown: Vec<String> = self
            .plan
            .key()
            .iter()
            .filter_map(|key| {
                let text = value_to_text(&key.column.ty.kind, field(tuple, key.at)??).ok()?;
                Some(format!("{} = {text}", key.column.name))
            })
            .collect();
        let row = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) };
        PostgresError::user(
            "record_too_large",
            format!(
                "{}: a record of {bytes} bytes{row}, more than the {} bytes allowed for one",
                self.plan.place, self.options.max_record_bytes
            ),
            "leave the large column out with `columns`, or raise `--memory`, of which a record may have a sixteenth",
        )
    }

    fn broken(&self, what: &str) -> PostgresError {
        PostgresError::Transient {
            code: "copy_broken",
            message: format!("{}: the server's COPY cannot be read: {what}", self.plan.place),
        }
    }
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        if let Some(end) = &self.end {
            return Ok(Fetched::End(end.clone()));
        }
        Ok(self.chunk().await?)
    }
}

fn integer(kind: &Kind, bytes: &[u8]) -> Option<i64> {
    Some(match kind {
        Kind::Int2 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
        Kind::Int4 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
        Kind::Oid => u32::from_be_bytes(bytes.try_into().ok()?).into(),
        Kind::Int8 => i64::from_be_bytes(bytes.try_into().ok()?),
        _ => return None,
    })
}

/// Rows whose key is null would be left out by every comparison.
async fn refuse_nulls(plan: &Plan, session: &Session) -> Result<(), PostgresError> {
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
async fn refuse_twins(plan: &Plan, session: &Session, key: &[String]) -> Result<(), PostgresError> {
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

/// A table that is read by the places of its rows must have none that came or moved since.
async fn unchanged(plan: &Plan, session: &Session, then: &Cursor, now: &Cursor) -> Result<(), PostgresError> {
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

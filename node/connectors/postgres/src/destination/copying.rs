use std::pin::Pin;

use bytes::Bytes;
use futures::SinkExt;
use tokio_postgres::CopyInSink;

use super::layout::Layout;
use crate::PostgresError;
use crate::connection::Session;
use crate::copy::{HEADER, TRAILER};
use crate::error::At;
use crate::identifier::quote_all;

/// A `COPY ... FROM STDIN` that is going on.
pub(super) struct Copying {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    rows: u64,
    place: String,
}

impl Copying {
    /// Begins to copy into `table`, which is SQL.
    pub(super) async fn begin(
        session: &Session,
        table: &str,
        layout: &Layout,
        place: &str,
    ) -> Result<Self, PostgresError> {
        let sql = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", quote_all(layout.names())?);
        let mut sink = Box::pin(session.client().copy_in(&sql).await.at(place)?);
        sink.feed(Bytes::from_static(&HEADER)).await.at(place)?;
        Ok(Self { sink, rows: 0, place: place.to_owned() })
    }

    /// Sends tuples.
    pub(super) async fn send(&mut self, tuples: Bytes, rows: u64) -> Result<(), PostgresError> {
        self.rows += rows;
        match self.sink.feed(tuples).await {
            Ok(()) => Ok(()),
            // The driver only says that the COPY is over; the server's reason comes with its end.
            Err(error) => match self.sink.as_mut().finish().await {
                Err(reason) if reason.code().is_some() => Err(reason).at(&self.place),
                _ => Err(error).at(&self.place),
            },
        }
    }

    /// Ends the COPY; all rows, whose number it returns, are in the table then, inside the open transaction.
    pub(super) async fn finish(mut self) -> Result<u64, PostgresError> {
        self.send(Bytes::from_static(&TRAILER), 0).await?;
        let copied = self.sink.as_mut().finish().await.at(&self.place)?;
        all_taken(copied, self.rows, &self.place)?;
        Ok(copied)
    }
}

/// Refuses a statement that wrote fewer rows than it was given: a trigger or rule that leaves rows out would make the
/// counts a lie.
pub(super) fn all_taken(taken: u64, given: u64, place: &str) -> Result<(), PostgresError> {
    if taken == given {
        return Ok(());
    }
    Err(PostgresError::user(
        "rows_skipped",
        format!("{place}: the server took {taken} of {given} rows without an error"),
        "remove the trigger that leaves rows out, or filter them in the workflow",
    ))
}

use std::sync::Arc;

use async_trait::async_trait;
use etl_model::Position;
use etl_sdk::{ConnectorError, Fetched, PartitionReader, ReadOptions};

use super::opened::Opened;
use super::origin::Origin;
use super::range::Range;
use crate::PostgresError;

/// Reads one range.
pub(super) struct Reader {
    origin: Arc<Origin>,
    range: Range,
    from: Option<Position>,
    options: ReadOptions,
    state: State,
}

enum State {
    /// Nothing has been asked of the server yet.
    Closed,
    Open(Box<Opened>),
    Ended(Position),
    /// An error was returned, or a call was given up: what the server sends next is not known.
    Broken,
}

impl Reader {
    /// Reads a range behind a position. What is gone on with is opened at once, so that it is refused at once if it has
    /// changed. Whatever begins anew is opened by the first call of `next`: a connection is best watched by the thread
    /// that its rows are wanted on.
    pub(super) async fn new(
        origin: Arc<Origin>,
        range: Range,
        from: Option<Position>,
        options: ReadOptions,
    ) -> Result<Self, PostgresError> {
        let mut reader = Self { origin, range, from, options, state: State::Closed };
        if reader.from.as_ref().is_some_and(|position| position.next > 0) {
            reader.state = State::Open(reader.open().await?);
        }
        Ok(reader)
    }

    async fn open(&self) -> Result<Box<Opened>, PostgresError> {
        Ok(Box::new(self.origin.open(&self.range, self.from.as_ref(), self.options).await?))
    }

    async fn fetch(&mut self) -> Result<Fetched, PostgresError> {
        let mut opened = match std::mem::replace(&mut self.state, State::Broken) {
            State::Closed => self.open().await?,
            State::Open(opened) => opened,
            State::Ended(end) => {
                self.state = State::Ended(end.clone());
                return Ok(Fetched::End(end));
            }
            State::Broken => {
                return Err(PostgresError::Impossible("a reader is asked again after an error".to_owned()));
            }
        };
        let fetched = opened.fetch().await?;
        self.state = match &fetched {
            Fetched::End(end) => State::Ended(end.clone()),
            _ => State::Open(opened),
        };
        Ok(fetched)
    }
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        Ok(self.fetch().await?)
    }
}

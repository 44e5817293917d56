use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryStream};

use super::lane::{Item, Lane, Receiver, Terms};
use crate::PostgresError;

/// The rows of `COPY ... TO STDOUT` statements that are going on. Dropping it lets the server send the rest to nobody.
pub(crate) struct CopyOut {
    rows: Receiver,
    /// What the client learns of the statements: how each ends.
    outcome: Pin<Box<SimpleQueryStream>>,
    /// Set when it has learned everything.
    concluded: Option<Option<Broken>>,
}

/// Why there are no more rows.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The server or the connection failed.
    Failed(Error),
    /// Rows did not come where they were to, for a reason that is a defect.
    Astray(&'static str),
}

impl Broken {
    /// Says where it happened.
    pub(crate) fn at(self, place: &str) -> PostgresError {
        match self {
            Self::Failed(source) => PostgresError::Server { place: place.to_owned(), source },
            Self::Astray(what) => PostgresError::Impossible(format!("{place}: {what}")),
        }
    }
}

impl CopyOut {
    /// Sends statements that copy to the client, with semicolons between them, on a connection whose stream diverts to
    /// the lane. Does not wait for the server.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) async fn begin(
        client: &Client,
        lane: &Arc<Lane>,
        sql: &str,
        terms: Terms,
    ) -> Result<Self, Broken> {
        let mut rows =
            lane.claim(terms).ok_or(Broken::Astray("an earlier COPY was given up before it began"))?;
        match client.simple_query_raw(sql).await {
            Ok(outcome) => Ok(Self { rows, outcome: Box::pin(outcome), concluded: None }),
            Err(error) => {
                // It was not sent.
                rows.concluded();
                Err(Broken::Failed(error))
            }
        }
    }

    /// What comes next; `None` when all statements have ended well. An error comes behind the rows before it. Must not
    /// be called again after either.
    pub(crate) async fn next(&mut self) -> Option<Result<Item, Broken>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Item, Broken>>> {
        loop {
            if let Poll::Ready(item) = self.rows.poll_next(context) {
                return Poll::Ready(Some(Ok(item)));
            }
            if let Some(end) = &mut self.concluded {
                return Poll::Ready(end.take().map(Err));
            }
            // The client must be listened to all the time: it holds up the connection until it is.
            let message: Option<Result<SimpleQueryMessage, Error>> =
                match self.outcome.as_mut().poll_next(context) {
                    Poll::Ready(message) => message,
                    Poll::Pending => return Poll::Pending,
                };
            self.concluded = match message {
                Some(Ok(SimpleQueryMessage::CommandComplete(_))) => continue,
                Some(Ok(_)) => Some(Some(Broken::Astray("a COPY was asked for and rows came"))),
                Some(Err(error)) => Some(Some(Broken::Failed(error))),
                None => Some(None),
            };
            // What was handed over before the client learned of the end is still to be taken.
            self.rows.concluded();
        }
    }
}

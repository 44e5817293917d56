use std::collections::VecDeque;

use bytes::Bytes;
use etl_model::TraceContext;
use etl_proto::relay::Kind;
use etl_sdk::ConnectorError;

use super::compute::Computing;
use super::prepare::Ready;
use super::session::Session;
use crate::codec::{Answer, answer_to_body};
use crate::link::Message;

/// What a writer's channel has to do next.
pub(super) enum Item {
    /// Rows; already being prepared if the step was known when they came. With what has caused them.
    Rows(Rows, Option<TraceContext>),
    /// A call that wants an answer.
    Call(Message),
}

/// Rows on their way to the writer.
pub(super) enum Rows {
    Raw(Bytes),
    Preparing(Computing<Ready>),
}

/// Items in their order, each with the bytes it has on the wire.
#[derive(Default)]
pub(super) struct Queue {
    items: VecDeque<(Item, Weight)>,
    bytes: usize,
}

/// What an item counts until it has been worked off.
#[derive(Clone, Copy)]
pub(super) struct Weight {
    /// Bytes of its body.
    pub body: usize,
    /// Bytes of credit that it still holds.
    pub credit: u64,
}

impl Queue {
    pub fn push(&mut self, item: Item, weight: Weight) {
        self.count(weight);
        self.items.push_back((item, weight));
    }

    /// Counts the bytes of an item that needs no turn.
    pub fn count(&mut self, weight: Weight) {
        self.bytes += weight.body;
    }

    /// The next item. Its bytes count until [`Queue::done`].
    pub fn next(&mut self) -> Option<(Item, Weight)> {
        self.items.pop_front()
    }

    pub fn done(&mut self, weight: Weight) {
        self.bytes = self.bytes.saturating_sub(weight.body);
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes of all bodies, with the one that is worked on.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Sends an answer. One that has no form on the wire, or is too large for it, is answered by an error.
pub(super) fn answer(session: &Session, call: u64, answer: Answer) {
    let body =
        answer_to_body(answer).map_err(|error| ConnectorError::internal(format!("{}: {error}", session.id)));
    let body = body.and_then(|body| match body.len() <= session.max_body {
        true => Ok(body),
        false => Err(ConnectorError::user(
            "relay_too_large",
            format!(
                "{}: an answer has {} bytes, at most {} can be sent",
                session.id,
                body.len(),
                session.max_body
            ),
            "place the step on the node that owns the partition, or make the records smaller",
        )),
    });
    match body.or_else(|error| answer_to_body(Answer::Error(error))) {
        Ok(body) => session.link.send_now(Kind::Answer, call, body),
        Err(error) => session.refuse(&error),
    }
}

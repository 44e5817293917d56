//! The connection below the protocol client: rows of a COPY leave it here, in large pieces and still framed.
//!
//! A COPY sends one message per row. A client that makes a value of each of them spends more time on that than on the
//! rows. So the [`Diverting`] stream follows the messages of the server, hands the rows of a COPY that somebody asked
//! for straight to the reader, many at a time and as they lie in the buffer they were received in, and lets everything
//! else pass to the client, unchanged and in order.
//!
//! Source: PostgreSQL manual, "Message Flow", "COPY Operations" and "Message Formats"
//! (<https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY>).
//!
//! **Invariants:** a piece holds whole rows; rows reach nobody but the reader of their own COPY; a reader that is slow
//! stops the reading of the socket, a reader that is gone does not; what is held for one reader is bounded by a few
//! buffers, or by the largest record allowed.

mod copy_out;
mod diverting;
mod frame;
mod lane;
mod router;
mod segment;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub(crate) use copy_out::CopyOut;
pub(crate) use diverting::Diverting;
pub(crate) use lane::{Item, Lane, Terms};
pub(crate) use segment::Segment;

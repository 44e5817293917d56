//! The live view: what a cluster does, on a terminal of 80 columns and without colours.
//!
//! ```text
//! poll: Snapshot every few seconds ──> Model (what is shown, what is chosen; pure) ──> draw
//! keys ────────────────────────────────^
//! ```
//! **Invariant:** the terminal is as it was before, however this ends.

mod draw;
mod key;
mod model;
mod poll;
mod rows;
mod snapshot;

pub(crate) use draw::draw;
pub(crate) use key::Key;
pub(crate) use model::Model;
pub(crate) use poll::Poll;
pub(crate) use snapshot::Snapshot;

//! Rate limits and circuit breakers that hold over all partitions and nodes together.
//!
//! ```text
//! chains ── StepGate ──> Purse, Switch ──┐ one of each per key and node
//!                                        v
//!                                      Desk ── LeaseRequest ──> Grants: the leader's Grantor, or one of this process
//!                                        ^ ──── LeaseAnswer ────┘         Budget, Circuit: one per key
//! ```
//! A node asks for what it needs and is leased a share for at most [`TERM`]. What was not leased does not pass: a node that
//! hears nothing uses up what it has and waits. The same request tells failures and learns whether a breaker is open.
//!
//! **Bounds:** what passes in any time `t` is at most `rate x (t + 2 x TERM)` (at least two records), and beside that on each
//! node one piece: the rows of a destination are cut into pieces of [`PIECE`]'s worth before they are encoded; what a source
//! reads is passed on chunk by chunk, each when all of it was leased.
//!
//! Decisions are in `Budget`, `Circuit`, `Purse` and `Switch`, which know no clock and no network.

mod budget;
mod circuit;
mod desk;
mod entry;
mod gate;
mod grantor;
mod grants;
mod lease;
mod purse;
mod switch;

use std::time::Duration;

pub use desk::Desk;
pub(crate) use gate::{Admitted, Held, admit};
pub use gate::{StepGate, StepLimits, WaitingPartition};
pub use grantor::Grantor;
pub use grants::{Grants, LocalGrants};
pub use lease::{
    BudgetAnswer, BudgetRequest, CircuitAnswer, CircuitRequest, Conclusion, LeaseAnswer, LeaseRequest, Probe,
};

/// For how long a node may use what it was leased, from when it has asked.
pub const TERM: Duration = Duration::from_millis(500);
/// How often a node asks while it has reason to.
pub(crate) const ASK: Duration = Duration::from_millis(125);
/// Rows are cut into pieces of at most what this time brings.
pub(crate) const PIECE: Duration = Duration::from_millis(125);
/// What was not asked about for so long is forgotten. Much longer than any lease.
pub(crate) const IDLE: Duration = Duration::from_secs(10);
/// One record or byte.
pub(crate) const UNIT: u64 = 1_000_000;

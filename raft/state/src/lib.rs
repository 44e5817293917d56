//! What the cluster has agreed on: typed commands and the state they change, without clock, chance or IO.
//!
//! ```text
//! log entry --Envelope::decode--> State::apply --> Response
//!                                   |-- take_changes --> rows for the disk
//!                                   `-- rows / load  --> snapshots
//! ```
//! **Invariants:** [`State::apply`] is total and deterministic: it reads no clock, draws no chance, iterates no hash map
//! and does not panic. Everything that is written (commands, responses, rows) begins with a version; what this software
//! does not know it refuses to read instead of skipping it, because a node that skips diverges.
//!
//! **Adding a command:** a struct and its rule in [`command`], a variant of [`Command`], a higher
//! [`FEATURE_LEVEL`], and a file in `testdata` that later software has to read for ever.
//!
//! **Adding a field** to a command, response or row: with `#[serde(default, skip_serializing_if = ...)]`, set only by
//! commands of a higher feature level. As long as nodes of both kinds are in a cluster nobody then writes it, and the
//! older ones can read every entry and every snapshot.

pub mod command;
mod content_hash;
mod digest;
mod encoding;
mod encoding_error;
mod envelope;
mod feature_level;
mod keys;
pub mod limits;
mod moment;
pub mod parts;
mod rejection;
mod response;
mod state;
mod table;

pub use command::Command;
pub use content_hash::ContentHash;
pub use encoding_error::EncodingError;
pub use envelope::{Envelope, Session};
pub use feature_level::FEATURE_LEVEL;
pub use keys::{EpochKey, NodeId, PartitionKey, RouteKey};
pub use parts::{Node, NodeState, Nodes, RunOutcome, Workflow, WorkflowVersion, Workflows};
pub use rejection::{Kind, Rejection, RejectionClass};
pub use response::{Advance, Fired, PutOutcome, Response};
pub use state::State;

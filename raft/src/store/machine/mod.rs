//! The state machine: in memory for reading and applying, in sled for the next start.

mod builder;
mod current;
mod database;
mod digest;
mod generation;
mod install;
mod jobs;
mod local;
mod open;
mod persister;
mod pieces;
mod position;
mod row;
mod shared;
mod state_machine;
mod unwritten;

pub use builder::SnapshotBuilder;
pub(super) use open::{Found, find, has_database, start};
pub(super) use position::Position;
pub use shared::{SharedState, Sizes};
pub use state_machine::StateMachine;

//! Vote and log, kept by `raft-log` in `wal/`.
//!
//! raft-log writes records with checksums into files of a bounded size and has one thread that writes and syncs. Around it
//! there is here: one order of all writes and group commit ([`writer`]), the judgement of flaws that a crash or a failing
//! disk leave ([`repair`], [`end_marker`]), and the rule that no entry goes before a state that covers it is on disk
//! ([`log_store`]).

mod end_marker;
mod flushed;
mod log_store;
mod open;
mod record;
mod repair;
mod watcher;
mod writer;

pub use log_store::LogStore;
pub(super) use open::{is_missing, open};
pub(super) use writer::Core;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod speed_tests;
#[cfg(test)]
mod tests;

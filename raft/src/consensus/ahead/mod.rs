//! The leader syncs its own disk while the followers sync theirs, as section 10.2.1 of Ongaro's thesis on Raft has it.
//!
//! openraft 0.9 does nothing as long as an append is not reported to be on disk: a leader would first sync, then replicate.
//! So what a leader appends of its own is reported when it can be read, and openraft may count it as one of a majority too
//! early. Nobody gets to know of that: an entry is applied on this node, and told to others as committed, only when it is on
//! this node's disk as well. What a crash takes from a leader was known as committed to openraft in its memory alone. A
//! leader that comes back has to be elected again, under a new term: openraft would let it go on under the old one, with other
//! entries under ids that it may have given before.
//!
//! Entries that come from another leader are reported when they are on disk, and so is every vote; the log is written in
//! one order, so that both imply what was appended before them.

mod durability;
mod log;
mod machine;

pub(crate) use durability::Durability;
pub use log::{Log, Synced};
pub(super) use {log::AheadLog, machine::AheadMachine};

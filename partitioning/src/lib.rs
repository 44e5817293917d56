//! Which node should own which partition: hash ring, bounded load, few moves; no IO, no clock.
//!
//! The ring only proposes: who owns a partition is what the cluster has agreed on, and nothing that moves data asks here.
//! Every function is total and gives the same answer on every machine, in every process and for every order of its input.

mod balance;
mod member;
mod partition;
mod place;
mod ring;
mod room;

pub use balance::balance;
pub use member::Member;
pub use partition::{Move, Partition};
pub use place::{Placement, place};

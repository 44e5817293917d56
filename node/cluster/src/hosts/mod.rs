//! Steps that one node carries out, whoever works on the partitions: a destination that lies on one machine, a step that the
//! workflow places, a shard of a destination behind a repartition.
//!
//! ```text
//! node of the partition                          host of the step
//! chain -> relayed(): etl_relay's stand-in ~~~~> RelayService -> Hosts -> Workshop: the real step
//! ```
//! With a shard goes all that leads to it from the repartition, so that rows cross once and what has equal keys is worked on in
//! one place; see [`relayed`] for when it does not.

mod hosting;
mod reach;
mod relayed;
mod sharded;
mod shards;

pub(crate) use hosting::Hosts;
pub(crate) use reach::Reachable;
pub(crate) use relayed::{Relays, are_up, is_away};
pub(crate) use shards::{balance_shards, place_shards, shards_of};

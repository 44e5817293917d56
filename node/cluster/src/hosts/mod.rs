//! Steps that one node carries out, whoever works on the partitions: a destination that lies on one machine, a step that the
//! workflow places, a shard of a destination behind a repartition.
//!
//! ```text
//! node of the partition                          host of the step
//! chain -> relayed(): etl_relay's stand-in ~~~~> RelayService -> Hosts -> Workshop: the real step
//! ```

mod hosting;
mod reach;
mod relayed;
mod sharded;
mod shards;

pub(crate) use hosting::Hosts;
pub(crate) use reach::Reachable;
pub(crate) use relayed::{Relays, are_up, is_away};
pub(crate) use shards::{place_shards, shards_of};

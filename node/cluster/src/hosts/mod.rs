//! Steps that one node carries out, whoever works on the partitions: a destination that lies on one machine, a step that the
//! workflow places.
//!
//! ```text
//! node of the partition                          host of the step
//! chain -> relayed(): etl_relay's stand-in ~~~~> RelayService -> Hosts -> Workshop: the real step
//! ```

mod hosting;
mod reach;
mod relayed;

pub(crate) use hosting::Hosts;
pub(crate) use reach::Reachable;
pub(crate) use relayed::{Relays, are_up};

//! What actors say to each other: data, control and status, one file per kind.

mod control;
mod data;
mod status;

pub(crate) use control::{Acknowledge, Disband, Drain, DrainChain, KillChain, RenewChain};
pub(crate) use data::{Arrival, ProcessChunk, Processed};
pub(crate) use status::{ActorGone, ChainEvent, ChainFailed, RouteEnded, UnitCommitted};

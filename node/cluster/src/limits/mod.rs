//! Rate limits and circuit breakers over all nodes: the leader keeps them, every node asks it for leases.
//!
//! ```text
//! every node   Desk (etl_engine) ---> LeaderGrants ---> Cluster/Lease of the leader, or its own Keeper
//! the leader   Keeper: one Grantor for each term in which it leads
//! ```
//! **Invariants:** nothing is granted before the leases of an earlier leader have run out, nor by one that has not made sure a
//! moment ago that it still leads. What is kept is kept in memory: a new leader learns of open breakers from those who wait.

mod keeper;
mod leader_grants;
mod wire;

pub(crate) use keeper::{Keeper, NotLeading};
pub(crate) use leader_grants::LeaderGrants;
pub(crate) use wire::{request_from_wire, response_to_wire};

//! Who votes: decided by rules, not by hand.
//!
//! [`decide`] looks at a [`Picture`] of the cluster and names the one [`Change`] that is due, if any: it
//! admits those who have registered, lets learners vote until there are 1, 3 or 5 voters, replaces voters
//! that stay away, lets go of those that were removed and raises the feature level. It is made of two halves
//! that know nothing of each other: [`wishes`] says what would be good, and [`violations`] says which
//! [`Guard`]s stand against a change. A change is proposed only when no guard does, so that a mistake in a
//! wish cannot cost the quorum.
//!
//! The [`Steward`] runs on the node that leads. It gathers the picture, carries one change out, and looks
//! again.
//!
//! The rules follow Consul's autopilot (stabilisation before a server may vote, at most so many entries
//! behind) and etcd's strict reconfiguration check (a quorum of the members must be healthy before and
//! after).

mod change;
mod decide;
mod goal;
mod guard;
mod picture;
mod removal;
mod setbacks;
mod steward;
mod survey;
#[cfg(test)]
mod tests;
mod tracker;

pub use change::Change;
pub use decide::{decide, wishes};
pub use guard::{Guard, violations};
pub use picture::{Limits, NodeFacts, Picture};
pub use removal::{Obstacle, removal};
pub use steward::Steward;
pub use survey::{Pulse, Roster};
pub use tracker::{Glance, Known, Tracker};

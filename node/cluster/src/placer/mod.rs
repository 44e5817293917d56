//! Which node works on which partition: the leader's duty.
//!
//! [`Scene`] is what the decision goes by, read off the state; [`decide`] is pure and gives the commands to propose, with
//! `etl_partitioning` for the choice of nodes; [`Placer`] proposes them. Every command is guarded by the epoch it was
//! decided on, so that a leader that is none any more changes nothing that has moved on.

mod decide;
mod duty;
mod lost;
mod scene;
mod shards;
mod trust;

pub(crate) use duty::Placer;

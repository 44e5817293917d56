//! When workflows start by themselves: the leader's duty.
//!
//! [`Scene`] is what is due, read off the state; [`decide`] is pure and gives the commands to propose; [`Scheduler`] proposes
//! them. Every command is guarded by the tick it is about, so that a tick is used up once, whoever proposes it and whatever
//! its clock says: a clock that goes back fires nothing again, and one that jumps ahead has missed what it has left out.

mod decide;
mod duty;
mod scene;

pub(crate) use duty::Scheduler;

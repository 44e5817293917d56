//! `test --chaos`: the records of a test go through the real engine and the real transformations, between sources and
//! destinations in memory; the process dies at every crash row and begins again, and what has arrived in the end is compared
//! with a run that did not crash.
//!
//! **Invariant:** a process that has died changes nothing that is durable. [`life::Life`] alone decides that, and every
//! durable change goes through it.

mod caller;
mod campaign;
mod crashes;
#[cfg(test)]
mod defects;
mod destination;
mod found;
mod life;
mod report;
mod rows;
mod sink;
mod source;
mod stage;
mod state;
mod trial;
mod world;

pub(super) use crashes::crash;
pub(super) use report::Report;

//! The engine against sources and destinations in memory, with faults at every place of a chain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod crew;
mod delivery;
mod diverting;
mod errors;
mod fakes;
mod faults;
mod graph;
mod limits;
mod repartition;
mod sequences;
mod stopping;
mod taps;
mod watching;

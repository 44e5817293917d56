//! Channels between two nodes over real TCP, with destinations and transformations in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounds;
mod conformance;
mod engine;
mod errors;
mod fakes;
mod garbage;
mod ownership;
mod processing;
mod protocol;
mod resumption;
mod shards;
mod types;
mod writing;

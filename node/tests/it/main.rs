//! The real program from the outside, and the rules of the house.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commands;
mod edges;
mod examples;
mod house;
mod incremental;
mod interrupted;
mod memory;
mod records;
mod site;

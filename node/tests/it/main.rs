//! The real program from the outside, and the rules of the house.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checkpoints;
mod cluster;
mod commands;
mod deploy;
mod edges;
mod examples;
mod hosting;
mod house;
mod incremental;
mod interrupted;
mod memory;
mod node_repair;
mod node_settings;
mod node_start;
mod node_tls;
mod nodes;
mod records;
mod run_logs;
mod runs;
mod site;
mod taps;
mod watching;
mod workflows;

//! The real program from the outside, and the rules of the house.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checkpoints;
mod cluster;
mod commands;
mod deploy;
mod edges;
mod examples;
mod failover;
mod hosting;
mod house;
mod incremental;
mod interrupted;
mod limits;
mod memory;
mod node_repair;
mod node_settings;
mod node_start;
mod node_tls;
mod nodes;
mod parameters;
mod records;
mod repartition;
mod run_logs;
mod runs;
mod site;
mod taps;
mod watching;
mod workflows;

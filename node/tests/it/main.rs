//! The real program from the outside, and the rules of the house.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chaos;
mod checkpoints;
mod cluster;
mod collector;
mod commands;
mod deploy;
mod edges;
mod examples;
mod failover;
mod fallbacks;
mod hosting;
mod house;
mod incremental;
mod interrupted;
mod limits;
mod memory;
mod monitoring;
mod node_repair;
mod node_settings;
mod node_start;
mod node_tls;
mod nodes;
mod observed;
mod observed_cluster;
mod observed_tls;
mod parameters;
mod protection;
mod records;
mod remembering;
mod repartition;
mod replay;
mod revised;
mod run_logs;
mod runs;
mod secrets;
mod shards;
mod site;
mod taps;
mod testing;
mod traces;
mod watching;
mod workflows;

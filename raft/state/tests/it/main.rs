//! The state as its users see it: every guard, every encoding, and what must hold for any sequence of commands.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod assignments;
mod checkpoints;
mod cluster;
mod encoding;
mod figures;
mod forgetting;
mod golden;
mod halting;
mod nodes;
mod operation;
mod ownership_properties;
mod partitions;
mod properties;
mod runs;
mod samples;
mod schedules;
mod sessions;
mod shards;
mod small_parts;
mod workflows;
mod world;

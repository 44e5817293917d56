//! Tests against real servers. They run on several threads: a connection that was dropped is closed by its task, which
//! must go on while a test waits for `psql`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blocks;
mod bouncer;
mod conformance;
mod connection;
mod contention;
mod continuation;
mod created;
mod failover;
mod fencing;
mod keys;
mod limits;
mod markers;
mod modes;
mod newest;
mod partitions;
mod reading;
mod refusals;
mod replacement;
mod selection;
mod tables;
mod tls;
mod writing;

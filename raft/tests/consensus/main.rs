//! Consensus of several nodes in one process, over real stores and real TCP. Every wait is for a condition.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batching;
mod catching_up;
mod cluster;
mod elections;
mod failing_disk;
mod figures;
mod identity;
mod lost_answers;
mod members;
mod network;
mod reads_and_writes;
mod slow_links;
mod stopping;
mod transfer;

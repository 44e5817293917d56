//! Whole nodes in one process: real stores, real TCP on 127.0.0.1, every duty running.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod failures;
mod growth;
mod joining;
mod moving;
mod node;
mod removal;
mod strangers;
mod tcp;

//! The wire contract changes only so that older and newer nodes and tools understand each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod changes;
mod compatibility;

//! The short forms of what this crate proves, as part of the workspace's tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod group;
mod oracle;
mod overhead;
mod panic;
mod proof;
mod scale;
mod takeover;
mod transforms;

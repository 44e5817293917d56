//! `enrich` against a server over real sockets, and against tables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../http/tests/it/server.rs"]
#[allow(dead_code, reason = "others use the rest")]
mod server;

mod batches;
mod differential;
mod http;
mod lookup;
mod tables;
mod trouble;

//! The client against servers that behave badly, over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
#[allow(dead_code, reason = "others use the rest")]
mod server;

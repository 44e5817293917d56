//! The client against servers that behave badly, over real sockets.

mod calls;
#[allow(dead_code, reason = "others use the rest")]
mod server;

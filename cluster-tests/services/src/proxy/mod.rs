//! A TCP proxy that cuts connections at a chosen moment.

mod connection;
mod matcher;
mod server;
mod shared;
mod trigger;

pub use server::Proxy;
pub use trigger::{Direction, Moment, Trigger};

//! A node of a cluster: its settings, how it becomes part of a cluster, what it serves, and how it ends.
//!
//! ```text
//! settings -> data directory locked -> listeners bound -> identity (kept, founded or joined) -> log and state opened
//!          -> consensus -> services and duties -> ready -> a signal -> leadership handed over -> all closed
//! ```
//! **Invariants:** the identity is durable before consensus opens the log. A log is never begun where one should be. When consensus
//! stops by itself the process ends at once. The embedded `run` uses nothing of this.

mod check;
mod dialer;
mod document;
mod entry;
mod error;
mod insight;
mod meter;
mod notify;
mod offline;
mod probe;
mod ready;
mod running;
mod serving;
mod settings;
mod signals;
mod start;
mod stop;
mod ties;
mod workshop;

pub(crate) use check::check;
pub(crate) use error::Error;
pub(crate) use meter::{BreakerMeter, LogMeter};
pub(crate) use offline::{FreshCluster, recover, restore};
pub(crate) use serving::Serving;
pub(crate) use settings::{NodeSettings, settings};
pub(crate) use start::{Telling, start};

/// The version of this software, as the cluster is told.
pub(crate) const SOFTWARE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Reads an address to listen on: `IP:PORT` or `localhost:PORT`.
pub(crate) fn listen_address(text: &str) -> Result<std::net::SocketAddr, String> {
    settings::listen(text)
}

//! A group of real nodes on this machine: processes, their network, and a client that knows what it was told.

mod addresses;
mod client;
mod error;
mod members;
mod namespaces;
mod node_process;
mod tool;

pub use addresses::Addresses;
pub use client::{Client, Failure, document};
pub use error::Error;
pub use members::{Members, retry, voters};
pub use namespaces::Namespaces;
pub use tool::{Told, tool};

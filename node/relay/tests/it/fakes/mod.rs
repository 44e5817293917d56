//! A host, ways to reach it and to disturb it, and steps in memory.

mod batches;
mod destination;
mod host;
mod hosting;
mod proxy;

pub use batches::numbers;
pub use destination::{Fault, Memory};
pub use host::{Host, HostSetup, eventually};
pub use hosting::{HOST, Shards, Steps};
pub use proxy::Proxy;

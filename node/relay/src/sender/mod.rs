//! The node on which the chain runs.

mod caller;
mod calls;
mod destination;
mod encoder;
mod located;
mod processor;
mod relay;
mod session;
mod writer;

pub use destination::RelayedDestination;
pub use processor::RelayedProcessor;
pub use relay::Relay;

//! Steps of a chain carried out on another node.
//!
//! A chain runs on the node that owns its source partition. Where one of its steps has to run elsewhere, the engine is given a
//! decorator of that step: [`RelayedDestination`] or [`RelayedProcessor`]. Every call into it goes over a channel to the host,
//! where an actor makes it on the real step.
//!
//! ```text
//! engine ─> RelayedDestination ─┐                                  ┌─> ChannelActor ─> the real destination
//!                     (sender)  ├── Link ══ gRPC stream ══ Link ───┤   (host)
//! engine ─> RelayedProcessor ───┘                                  └─> ChannelActor ─> the real processor
//! ```
//! Where rows were divided among shards, the host of a shard carries out all that follows the repartition: rows cross once, as
//! they leave it, and what the steps have filtered and set aside comes back with the staging of the unit.
//!
//! What is delivered exactly once stays so without any promise of the relay: fence, marker and commit are still decided by the
//! destination's own marker. A channel that is lost is an error with an unknown outcome; the chain is reopened, fences and reads
//! the marker.
//!
//! A channel outlives its streams: both sides keep what the other has not acknowledged and send it again on the next stream, and
//! drop what they have had before. Memory is bounded by credits, never by not reading the stream: other channels share its
//! connection.
//!
//! **Invariants:** no wire type leaves this crate. An acknowledgement means "in the memory of the other side" and nothing more.

mod channel;
mod codec;
mod error;
mod host;
mod link;
mod meter;
mod ports;
mod sender;
mod settings;

pub use error::RelayError;
pub use host::RelayService;
pub use meter::{RelayCounts, relay_counts};
pub use ports::{Hosted, HostedStep, Hosting, OfRows, Reach, Refused, Wanted};
pub use sender::{Relay, RelayedDestination, RelayedProcessor};
pub use settings::RelaySettings;

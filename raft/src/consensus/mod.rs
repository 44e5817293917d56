//! One handle on consensus: writes, linearizable reads, membership, hand-over of leadership, backups.
//!
//! openraft agrees on the log; the rest is here. A write is carried to the leader from wherever it is made and repeated within
//! a session until its outcome is known, so that it acts once. Reads ask the leader how far this node must have applied the log.
//! Elections are started here and not by openraft (see [`election`]), because its 0.9 has no pre-vote.

mod ahead;
mod batch;
mod clock;
mod election;
mod handle;
mod leader;
mod membership;
mod observer;
mod proposals;
mod proposer;
mod reads;
mod rounds;
mod router;
mod session;
mod settings;
mod start;
mod status;
mod transfer;
mod writer;

pub use ahead::{Log, Synced};
pub use clock::{Clock, wall_clock};
pub use handle::Consensus;
pub use proposals::Proposals;
pub use settings::Settings;
pub use start::Parts;
pub use status::Status;

pub(crate) use ahead::Durability;
pub(crate) use election::{Asked, Ballot};
pub(crate) use handle::Inner;

//! Consensus: log, state machine, snapshots, membership and network behind one handle that is cheap to clone.
//!
//! The algorithm is openraft's; this crate gives it durable storage ([`store`]), a network ([`network`]) and a face
//! ([`consensus`]), and is the only one that knows openraft. What is agreed on is the business of `etl-raft-state`.

mod chance;
pub mod consensus;
pub mod error;
pub mod membership;
pub mod network;
pub mod store;
pub mod type_config;

pub use error::Error;
pub use type_config::{LogId, NodeId, Peer, Proposal, SnapshotFile, TypeConfig};

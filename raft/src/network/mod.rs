//! The wire between members: Raft's messages over gRPC, on connections that the process makes as it likes ([`Dialer`]).
//!
//! Every request says who speaks to whom and is refused when that is not so, before it can have an effect. To each peer there
//! are two connections: one for what must be quick (entries, votes, proposals, questions) and one for snapshots, because a long
//! transfer would freeze everything that shares a connection with it.

mod caller;
mod convert;
mod dialer;
mod envelope;
mod link;
mod links;
mod malformed;
mod member;
mod peer_client;
mod refusal;
mod service;
mod snapshot_inbox;
mod snapshot_sender;

pub use dialer::{Connection, Dialer, ReadWrite, channel, server};
pub use member::Member;
pub use service::PeerService;

pub(crate) use convert::{log_id_from_wire, log_id_to_wire, vote_request_to_wire};
pub(crate) use links::{Links, PeerNetwork};

/// No message between members is larger. One request carries entries of [`APPEND_BYTES`] at most, so that only a single entry of
/// unusual size comes near.
pub(crate) const MESSAGE_LIMIT: usize = 32 << 20;

/// Entries are sent in requests of about this size; one entry is sent whole however large it is.
pub(crate) const APPEND_BYTES: usize = 1 << 20;

/// A snapshot travels in pieces of this size.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

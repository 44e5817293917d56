//! Snapshots: the whole state in one file, that can be sent, kept as a backup and taken in by another node.
//!
//! ```text
//! header    "etl-snap", version (u8), length of meta (u32), meta (MessagePack with names), CRC-32 of all before
//! block     length (u32), CRC-32 of the rows, rows: length of key (u32), length of value (u32), key, value
//! ...       at most 1 MiB each
//! trailer   0 (u32), number of rows (u64), CRC-32 of all before, "snap-end"
//! ```
//!
//! Numbers are big-endian. Every byte is covered by a checksum, and nothing may follow the trailer.

mod format;
mod incoming;
mod read;
mod shelf;
mod write;

use crate::type_config::{NodeId, Peer};

pub use incoming::IncomingSnapshot;
pub use read::read_snapshot;
pub(super) use read::verify;
pub(super) use shelf::Shelf;
pub use write::write_snapshot;

/// What a snapshot says of itself: the last entry and the last membership that it includes.
pub type SnapshotMeta = openraft::SnapshotMeta<NodeId, Peer>;

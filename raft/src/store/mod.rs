//! What consensus keeps on disk, so that a crash at any moment loses nothing that was promised and damage is never served.
//!
//! - [`DataDir`]: the directory, its lock and its identity.
//! - [`LogStore`]: vote and log, synced before anyone is told; see `log`.
//! - [`StateMachine`] and [`SharedState`]: the state in memory, written to sled behind it.
//! - Snapshots: files with checksums, for other nodes, for backups, and as the base that the log may be shortened to.
//! - [`Storage`]: opens all of it and decides what the node starts from.
//!
//! What the log promises is durable when it is promised. The state on disk may lag behind or, after a loss of power, be
//! useless: it is checked as a whole when it is opened, and made anew from the newest snapshot and the log when it fails.
//! That is always possible, because no entry leaves the log before a snapshot on disk includes it.

mod data_dir;
mod dir_lock;
mod durable;
mod identity;
mod local_state;
mod log;
mod machine;
mod origin;
mod quarantine;
mod reserve;
mod snapshot;
mod storage;
mod text;

pub use data_dir::DataDir;
pub use identity::Identity;
pub use local_state::{Incoming, LocalState, SnapshotContent};
pub use log::LogStore;
pub use machine::{SharedState, Sizes, SnapshotBuilder, StateMachine};
pub use reserve::{Space, space};
pub use snapshot::{IncomingSnapshot, SnapshotMeta, read_snapshot, write_snapshot};
pub use storage::Storage;

/// A row of the state: key and value.
type Row = (Vec<u8>, Vec<u8>);

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use etl_raft_state::State;
use openraft::StoredMembership;
use tokio::sync::{Mutex, watch};

use super::builder::SnapshotBuilder;
use super::current::Current;
use super::persister::Persister;
use super::position::Position;
use crate::Error;
use crate::store::dir_lock::DirLock;
use crate::store::durable;
use crate::store::log::Core;
use crate::store::reserve::Reserve;
use crate::store::snapshot::{IncomingSnapshot, Shelf, SnapshotMeta};
use crate::type_config::{LogId, NodeId, Peer, SnapshotFile};

/// How much room a store takes on disk, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    pub log_bytes: u64,
    pub state_bytes: u64,
    pub snapshot_bytes: u64,
}

/// The state as far as this node has applied the log. Cheap to clone; reading never waits for a disk.
#[derive(Clone)]
pub struct SharedState {
    pub(super) machine: Arc<Machine>,
}

pub(super) struct Machine {
    pub current: RwLock<Current>,
    pub applied: watch::Sender<Option<LogId>>,
    /// Up to here a crash cannot harm the state: a snapshot on disk includes it.
    pub covered: watch::Sender<Option<LogId>>,
    pub persister: Persister,
    pub shelf: Arc<Shelf>,
    /// Held while a snapshot is built: there is one at a time.
    pub building: Mutex<()>,
    pub state_dir: PathBuf,
    pub log: Weak<Core>,
    pub reserve: Arc<Reserve>,
    pub _lock: Arc<DirLock>,
}

impl SharedState {
    /// Reads the state. Nothing is applied meanwhile, so `read` should be short.
    pub fn with<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        self.look(|current| read(&current.state))
    }

    /// The last entry applied, as it changes. What it names can be read by [`SharedState::with`].
    pub fn applied(&self) -> watch::Receiver<Option<LogId>> {
        self.machine.applied.subscribe()
    }

    /// The last membership among the entries applied.
    pub fn membership(&self) -> StoredMembership<NodeId, Peer> {
        self.look(|current| current.position.membership.clone())
    }

    /// What the store takes on disk now.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            log_bytes: self.machine.log.upgrade().map_or(0, |log| log.bytes()),
            state_bytes: durable::size_of(&self.machine.state_dir),
            snapshot_bytes: self.machine.shelf.bytes(),
        }
    }

    /// The newest snapshot on disk.
    pub fn current_snapshot(&self) -> Option<(SnapshotMeta, SnapshotFile)> {
        self.machine.shelf.current()
    }

    /// Writes a snapshot of the state as it is now, unless there is one already.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub async fn snapshot(&self) -> Result<(SnapshotMeta, SnapshotFile), Error> {
        SnapshotBuilder::new(self.clone()).build().await
    }

    /// A place for a snapshot that arrives from another node.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn new_incoming_snapshot(&self) -> Result<IncomingSnapshot, Error> {
        IncomingSnapshot::new(self.machine.shelf.clone())
    }

    /// Up to where the log may be removed.
    pub(in crate::store) fn covered(&self) -> Option<LogId> {
        *self.machine.covered.borrow()
    }

    /// Returns when the log may be removed up to `log_id`: waits until that is applied, and writes a snapshot if none
    /// includes it.
    pub(in crate::store) async fn cover(&self, log_id: LogId) -> Result<(), Error> {
        let mut applied = self.machine.applied.subscribe();
        // The sender lives as long as `self`, so this ends only with success.
        let _ = applied.wait_for(|applied| *applied >= Some(log_id)).await;
        if self.covered() < Some(log_id) {
            self.snapshot().await?;
        }
        Ok(())
    }

    pub(super) fn position(&self) -> Position {
        self.look(|current| current.position.clone())
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&Current) -> T) -> T {
        // A panic while applying ends the process, so the state is never half changed.
        look(&self.machine.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Current) -> T) -> T {
        change(&mut self.machine.current.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for SharedState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedState")
            .field("applied", &*self.machine.applied.borrow())
            .field("covered", &*self.machine.covered.borrow())
            .finish_non_exhaustive()
    }
}

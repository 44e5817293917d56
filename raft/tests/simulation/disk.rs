//! A node's disk: what was synced stays over a crash, of the rest a part that chance decides.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use etl_raft::store::SnapshotMeta;
use etl_raft::{LogId, NodeId, Peer, TypeConfig};
use etl_raft_state::State;
use fastrand::Rng;
use openraft::{Entry, StoredMembership, Vote};

/// Vote and log, as far as they got.
#[derive(Debug, Clone, Default)]
pub struct Image {
    pub vote: Option<Vote<NodeId>>,
    pub entries: BTreeMap<u64, Entry<TypeConfig>>,
    pub purged: Option<LogId>,
    pub committed: Option<LogId>,
}

/// One write to the log. They get to the disk in their order.
#[derive(Debug, Clone)]
pub enum Change {
    Vote(Vote<NodeId>),
    Append(Entry<TypeConfig>),
    /// All from this index on.
    Truncate(u64),
    /// All up to this entry.
    Purge(LogId),
    Committed(LogId),
}

impl Image {
    pub fn last(&self) -> Option<LogId> {
        self.entries.last_key_value().map(|(_, entry)| entry.log_id).max(self.purged)
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::Vote(vote) => self.vote = Some(vote),
            Change::Append(entry) => {
                self.entries.insert(entry.log_id.index, entry);
            }
            Change::Truncate(from) => {
                self.entries.split_off(&from);
            }
            Change::Purge(upto) => {
                self.entries = self.entries.split_off(&(upto.index + 1));
                // What is left behind a gap, or is older than what was purged, never was committed.
                if self.entries.first_key_value().is_some_and(|(_, first)| {
                    first.log_id.index != upto.index + 1 || first.log_id.leader_id < upto.leader_id
                }) {
                    self.entries.clear();
                }
                self.purged = self.purged.max(Some(upto));
            }
            Change::Committed(upto) => self.committed = self.committed.max(Some(upto)),
        }
    }
}

/// The state machine as it is kept: state, the last entry in it, and the last membership up to there.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub state: State,
    pub applied: Option<LogId>,
    pub membership: StoredMembership<NodeId, Peer>,
}

/// The newest snapshot. It is durable as soon as it is here.
#[derive(Debug, Clone)]
pub struct Shelved {
    pub meta: SnapshotMeta,
    pub bytes: Bytes,
}

#[derive(Debug)]
pub struct Disk {
    /// What the process reads.
    log: Image,
    /// What a crash cannot harm.
    synced: Image,
    unsynced: VecDeque<Change>,
    /// Counts the changes ever made.
    made: u64,
    /// Purged for the process, but not removed as long as no snapshot covers it.
    purging: Option<LogId>,
    written: Kept,
    durable: Kept,
    pub shelf: Option<Shelved>,
    /// The state of which the snapshot is.
    covered: Kept,
    /// Snapshots on their way in.
    pub incoming: BTreeMap<PathBuf, Bytes>,
    pub is_stalled: bool,
    random: Rng,
}

/// What a crash has taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loss {
    pub log_changes: usize,
    /// Whether the state has to be applied again from an earlier entry.
    pub has_older_state: bool,
}

impl Disk {
    /// Of a node that has just installed this snapshot.
    pub fn installed(kept: Kept, shelved: Shelved, vote: Vote<NodeId>, random: Rng) -> Self {
        let log = Image { vote: Some(vote), purged: kept.applied, ..Image::default() };
        Self {
            synced: log.clone(),
            log,
            unsynced: VecDeque::new(),
            made: 0,
            purging: None,
            written: kept.clone(),
            durable: kept.clone(),
            shelf: Some(shelved),
            covered: kept,
            incoming: BTreeMap::new(),
            is_stalled: false,
            random,
        }
    }

    pub fn log(&self) -> &Image {
        &self.log
    }

    /// The last purged entry, as the process is to see it.
    pub fn purged(&self) -> Option<LogId> {
        self.log.purged.max(self.purging)
    }

    pub fn made(&self) -> u64 {
        self.made
    }

    pub fn make(&mut self, change: Change) {
        self.log.make(change.clone());
        self.unsynced.push_back(change);
        self.made += 1;
    }

    /// Makes the first `upto` changes ever made durable.
    pub fn sync(&mut self, upto: u64) {
        while self.made - (self.unsynced.len() as u64) < upto
            && let Some(change) = self.unsynced.pop_front()
        {
            self.synced.make(change);
        }
    }

    pub fn purge(&mut self, upto: LogId) {
        if self.purged() < Some(upto) {
            self.purging = Some(upto);
        }
        self.purge_covered();
    }

    /// Removes what was purged, when a snapshot covers it.
    pub fn purge_covered(&mut self) {
        if let Some(upto) = self.purging.filter(|upto| Some(*upto) <= self.covered()) {
            self.purging = None;
            self.make(Change::Purge(upto));
        }
    }

    /// What a snapshot has to cover before anything can be appended: a purge that leaves a hole behind the last entry.
    pub fn hole(&self) -> Option<LogId> {
        self.purging.filter(|upto| self.log.last() < Some(*upto))
    }

    pub fn covered(&self) -> Option<LogId> {
        self.shelf.as_ref().and_then(|shelved| shelved.meta.last_log_id)
    }

    /// The state has come so far; it gets to the disk some time.
    pub fn write_state(&mut self, kept: Kept) {
        self.written = kept;
        if self.random.u8(..8) == 0 {
            self.durable = self.written.clone();
        }
    }

    /// A snapshot is built only of a state that is durable.
    pub fn shelve(&mut self, kept: Kept, shelved: Shelved) {
        if self.durable.applied < kept.applied {
            self.durable = kept.clone();
        }
        if self.covered() < shelved.meta.last_log_id {
            self.covered = kept;
            self.shelf = Some(shelved);
        }
    }

    /// Takes a snapshot in the place of the state.
    pub fn install(&mut self, kept: Kept, shelved: Shelved) {
        self.written = kept.clone();
        self.durable = kept.clone();
        self.covered = kept;
        self.shelf = Some(shelved);
        self.incoming.clear();
    }

    /// What a starting process finds.
    pub fn kept(&self) -> &Kept {
        &self.written
    }

    pub fn file(&self, path: &Path) -> Option<Bytes> {
        let shelved = self.shelf.as_ref().filter(|shelved| Path::new(&shelved.meta.snapshot_id) == path);
        shelved.map(|shelved| shelved.bytes.clone()).or_else(|| self.incoming.get(path).cloned())
    }

    /// How long the next sync takes.
    pub fn latency(&mut self) -> Duration {
        Duration::from_millis(match self.random.u8(..20) {
            0 => self.random.u64(10..60),
            _ => self.random.u64(0..4),
        })
    }

    pub fn crash(&mut self) -> Loss {
        let unsynced = self.unsynced.len();
        let survive = self.random.usize(..=unsynced);
        for change in self.unsynced.drain(..survive) {
            self.synced.make(change);
        }
        self.unsynced.clear();
        self.log = self.synced.clone();
        self.purging = None;
        // Only a log that is damaged says that entries are durable which are not; then none of them may be in the state either.
        for kept in [&mut self.written, &mut self.durable] {
            if kept.applied > self.log.last() {
                *kept = self.covered.clone();
            }
        }
        let has_older_state = self.durable.applied != self.written.applied && self.random.bool();
        if has_older_state {
            self.written = self.durable.clone();
        } else {
            self.durable = self.written.clone();
        }
        self.incoming.clear();
        self.is_stalled = false;
        Loss { log_changes: unsynced - survive, has_older_state }
    }
}

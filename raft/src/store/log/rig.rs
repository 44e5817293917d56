//! What the tests of the log share: a log in a directory of its own, and what it should hold.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;

use bytes::Bytes;
use openraft::{CommittedLeaderId, Entry, EntryPayload, LeaderId, Vote};
use tempfile::TempDir;

use super::open::{Log, open};
use super::repair::chunks;
use crate::Error;
use crate::store::DataDir;
use crate::type_config::{LogId, NodeId, Proposal, TypeConfig};

pub(super) struct Rig {
    pub dir: DataDir,
    _temporary: TempDir,
}

/// The files of a log, to be put back later.
pub(super) struct Files {
    pub log_end: Vec<u8>,
    /// By the name of the file.
    pub wal: BTreeMap<String, Vec<u8>>,
}

impl Rig {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temporary.path().join("data")).unwrap();
        Self { dir, _temporary: temporary }
    }

    pub fn open(&self) -> Result<Log, Error> {
        open(&self.dir)
    }

    /// The files as they are now: what is left when the process is killed.
    pub fn files(&self) -> Files {
        let read = |path: PathBuf| fs::read(path).unwrap();
        let wal = chunks(&self.dir.wal()).unwrap();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        Files {
            log_end: read(self.dir.log_end()),
            wal: wal.into_iter().map(|chunk| (name(&chunk.path), read(chunk.path))).collect(),
        }
    }

    pub fn put_back(&self, files: &Files) {
        let wal = self.dir.wal();
        fs::remove_dir_all(&wal).unwrap();
        fs::create_dir(&wal).unwrap();
        fs::write(self.dir.log_end(), &files.log_end).unwrap();
        for (name, content) in &files.wal {
            fs::write(wal.join(name), content).unwrap();
        }
    }
}

impl Files {
    /// The last file's name and content.
    pub fn last(&mut self) -> (&String, &mut Vec<u8>) {
        self.wal.iter_mut().next_back().unwrap()
    }
}

pub(super) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(term, 1), index)
}

pub(super) fn vote(term: u64) -> Vote<NodeId> {
    Vote { leader_id: LeaderId::new(term, 1), committed: false }
}

/// An entry whose content follows from its place.
pub(super) fn entry(term: u64, index: u64, size: usize) -> Entry<TypeConfig> {
    let content: Vec<u8> = (0..size).map(|at| (at as u64 ^ index ^ term << 5) as u8).collect();
    Entry { log_id: log_id(term, index), payload: EntryPayload::Normal(Proposal(Bytes::from(content))) }
}

impl Log {
    /// Appends and waits until that is on disk.
    pub fn append_synced(&self, entries: Vec<Entry<TypeConfig>>) -> Result<(), Error> {
        wait(|told| self.core.append(entries, told))
    }

    pub fn save_vote_synced(&self, vote: Vote<NodeId>) -> Result<(), Error> {
        wait(|told| self.core.save_vote(vote, told))
    }

    pub fn all(&self) -> Vec<Entry<TypeConfig>> {
        self.core.read(.., u64::MAX).unwrap()
    }
}

fn wait(act: impl FnOnce(super::flushed::Waiter) -> Result<(), Error>) -> Result<(), Error> {
    let (told, result) = mpsc::sync_channel::<io::Result<()>>(1);
    act(Box::new(move |result| told.send(result).unwrap()))?;
    result.recv().unwrap().map_err(Error::io("wal"))
}

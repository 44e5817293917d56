use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What every ownership number is raised by when the database is rebuilt: the backup may be older than the last
/// numbers given out, and a number must never be given out twice.
const EPOCH_LEAP: u64 = 1 << 20;

/// The part of the database that cannot be had from anywhere else: runs, ownership numbers, the numbering of
/// partitions, positions. Checkpoints are left out, since the destinations' markers are the truth about them.
///
/// sled can find its own files damaged after a process was killed in the middle of a write; the database is then set
/// aside and rebuilt from here.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Backup {
    version: u32,
    entries: BTreeMap<String, Value>,
}

/// Prefixes of the keys that are kept.
pub(crate) const KEPT: [&str; 4] = ["workflow/", "epoch/", "partition/", "position/"];

fn path(directory: &Path) -> PathBuf {
    directory.join("v1.backup.json")
}

impl Backup {
    /// A backup of these entries.
    pub fn new(entries: BTreeMap<String, Value>) -> Self {
        Self { version: 1, entries }
    }

    /// Replaces the backup in `directory`; the old or the new one is there at every moment.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let temporary = directory.join("v1.backup.tmp");
        let mut file = File::create(&temporary)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.sync_all()?;
        fs::rename(&temporary, path(directory))?;
        File::open(directory)?.sync_all()
    }

    /// The backup in `directory`, if there is one that can be read.
    pub fn read(directory: &Path) -> Option<Self> {
        let backup: Self = serde_json::from_slice(&fs::read(path(directory)).ok()?).ok()?;
        (backup.version == 1).then_some(backup)
    }

    /// The entries to rebuild the database with.
    pub fn into_entries(self) -> impl Iterator<Item = (String, Value)> {
        self.entries.into_iter().map(|(key, value)| match (key.starts_with("epoch/"), value.as_u64()) {
            (true, Some(epoch)) => (key, Value::from(epoch + EPOCH_LEAP)),
            _ => (key, value),
        })
    }
}

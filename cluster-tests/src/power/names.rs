use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// The number of the directory at the top.
pub const ROOT: u64 = 1;

/// A directory's number and a name in it.
pub type Place = (u64, OsString);

/// A change of names, in the order of the journal.
#[derive(Debug, Clone)]
enum Change {
    Link { place: Place, inode: u64 },
    Unlink { place: Place },
    Rename { from: Place, to: Place, inode: u64 },
}

/// Which names there are, as they are seen and as they would be found after a loss of power.
///
/// As in the journals of ext4 and XFS, changes become durable in their order: a loss of power keeps a prefix of them. A sync
/// of a directory makes its changes durable, a sync of a file those of its own name; both take along all that came before.
#[derive(Debug, Default)]
pub struct Names {
    seen: BTreeMap<Place, u64>,
    durable: BTreeMap<Place, u64>,
    journal: Vec<Change>,
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<Place, u64>) {
        match self {
            Self::Link { place, inode } => {
                names.insert(place.clone(), *inode);
            }
            Self::Unlink { place } => {
                names.remove(place);
            }
            Self::Rename { from, to, inode } => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }

    fn is_in(&self, directory: u64) -> bool {
        match self {
            Self::Link { place, .. } | Self::Unlink { place } => place.0 == directory,
            Self::Rename { from, to, .. } => from.0 == directory || to.0 == directory,
        }
    }

    fn names(&self, file: u64) -> bool {
        matches!(self, Self::Link { inode, .. } | Self::Rename { inode, .. } if *inode == file)
    }
}

impl Names {
    pub fn get(&self, directory: u64, name: &OsStr) -> Option<u64> {
        self.seen.get(&(directory, name.to_owned())).copied()
    }

    /// Names and numbers in a directory.
    pub fn list(&self, directory: u64) -> impl Iterator<Item = (&OsStr, u64)> {
        let from = (directory, OsString::new());
        let entries = self.seen.range(from..).take_while(move |(place, _)| place.0 == directory);
        entries.map(|(place, inode)| (place.1.as_os_str(), *inode))
    }

    /// Whether any name leads to it.
    pub fn has(&self, inode: u64) -> bool {
        inode == ROOT || self.seen.values().any(|&each| each == inode)
    }

    pub fn link(&mut self, directory: u64, name: &OsStr, inode: u64) {
        self.change(Change::Link { place: (directory, name.to_owned()), inode });
    }

    pub fn unlink(&mut self, directory: u64, name: &OsStr) {
        self.change(Change::Unlink { place: (directory, name.to_owned()) });
    }

    /// `false` when there is nothing to rename.
    pub fn rename(&mut self, from: Place, to: Place) -> bool {
        let Some(&inode) = self.seen.get(&from) else { return false };
        self.change(Change::Rename { from, to, inode });
        true
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.journal.push(change);
    }

    pub fn sync_directory(&mut self, directory: u64) {
        self.commit_to_last(|change| change.is_in(directory));
    }

    pub fn sync_file(&mut self, file: u64) {
        self.commit_to_last(|change| change.names(file));
    }

    fn commit_to_last(&mut self, concerns: impl Fn(&Change) -> bool) {
        if let Some(last) = self.journal.iter().rposition(concerns) {
            for change in self.journal.drain(..=last) {
                change.apply(&mut self.durable);
            }
        }
    }

    /// The power goes; returns how many changes are lost.
    pub fn cut(&mut self, random: &mut fastrand::Rng) -> u64 {
        let kept = random.usize(0..=self.journal.len());
        let lost = self.journal.len() - kept;
        for change in self.journal.drain(..).take(kept) {
            change.apply(&mut self.durable);
        }
        self.seen.clone_from(&self.durable);
        lost as u64
    }
}

use std::collections::BTreeMap;
use std::ffi::OsStr;

use super::inode::{Inode, Lost};
use super::names::{Names, Place, ROOT};

/// A disk in memory that forgets at a loss of power what it was not told to sync.
#[derive(Debug)]
pub struct Disk {
    pub names: Names,
    files: BTreeMap<u64, Inode>,
    directories: BTreeMap<u64, ()>,
    next: u64,
    /// Which calls are taken for done without doing them: for control runs.
    ignored: Ignored,
}

/// Syncs that do nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ignored {
    #[default]
    None,
    /// All of them: what is acknowledged must be lost now and then, or the harness is blind.
    All,
    /// Those of what a node has applied, and of its snapshots; its log is synced.
    OfState,
}

/// The directories in which a node keeps what it has applied.
const APPLIED: [&str; 2] = ["state", "snapshots"];

/// What a loss of power has destroyed.
#[derive(Debug, Default, Clone, Copy)]
pub struct Damage {
    pub writes: Lost,
    pub names: u64,
}

impl Disk {
    pub fn new(ignored: Ignored) -> Self {
        let directories = BTreeMap::from([(ROOT, ())]);
        Self { names: Names::default(), files: BTreeMap::new(), directories, next: ROOT + 1, ignored }
    }

    pub fn file(&self, inode: u64) -> Option<&Inode> {
        self.files.get(&inode)
    }

    pub fn file_mut(&mut self, inode: u64) -> Option<&mut Inode> {
        self.files.get_mut(&inode)
    }

    pub fn is_directory(&self, inode: u64) -> bool {
        self.directories.contains_key(&inode)
    }

    pub fn create(&mut self, directory: u64, name: &OsStr) -> u64 {
        let inode = self.number();
        self.files.insert(inode, Inode::default());
        self.names.link(directory, name, inode);
        inode
    }

    pub fn make_directory(&mut self, directory: u64, name: &OsStr) -> u64 {
        let inode = self.number();
        self.directories.insert(inode, ());
        self.names.link(directory, name, inode);
        inode
    }

    pub fn rename(&mut self, from: Place, to: Place) -> bool {
        self.names.rename(from, to)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    pub fn sync_file(&mut self, inode: u64) {
        if self.ignores(inode) {
            return;
        }
        if let Some(file) = self.files.get_mut(&inode) {
            file.sync();
        }
        self.names.sync_file(inode);
    }

    pub fn sync_directory(&mut self, inode: u64) {
        if !self.ignores(inode) {
            self.names.sync_directory(inode);
        }
    }

    fn ignores(&self, inode: u64) -> bool {
        match self.ignored {
            Ignored::None => false,
            Ignored::All => true,
            Ignored::OfState => APPLIED.iter().any(|name| self.is_below(inode, name)),
        }
    }

    /// Whether a directory of this name leads to it.
    fn is_below(&self, inode: u64, name: &str) -> bool {
        let mut seeks = vec![ROOT];
        let mut inside = Vec::new();
        while let Some(directory) = seeks.pop() {
            for (each, number) in self.names.list(directory) {
                let below = inside.contains(&directory) || each == name;
                if number == inode && below {
                    return true;
                }
                if self.is_directory(number) {
                    seeks.push(number);
                    if below {
                        inside.push(number);
                    }
                }
            }
        }
        false
    }

    /// The power goes and comes back.
    pub fn cut(&mut self, random: &mut fastrand::Rng) -> Damage {
        let mut damage = Damage { names: self.names.cut(random), ..Damage::default() };
        for file in self.files.values_mut() {
            damage.writes += file.cut(random);
        }
        let names = &self.names;
        self.files.retain(|&inode, _| names.has(inode));
        self.directories.retain(|&inode, ()| names.has(inode));
        damage
    }

    /// Bytes in all files.
    pub fn size(&self) -> u64 {
        self.files.values().map(|file| file.bytes().len() as u64).sum()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn name(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    /// The content of a file by its name after each of many losses of power.
    fn after_cuts(prepare: impl Fn(&mut Disk)) -> Vec<Option<Vec<u8>>> {
        let outcomes = (0..200).map(|seed| {
            let mut disk = Disk::new(Ignored::None);
            prepare(&mut disk);
            disk.cut(&mut fastrand::Rng::with_seed(seed));
            let inode = disk.names.get(ROOT, name("file"))?;
            Some(disk.file(inode).unwrap().bytes().to_vec())
        });
        outcomes.collect()
    }

    #[test]
    fn what_was_synced_stays() {
        let found = after_cuts(|disk| {
            let file = disk.create(ROOT, name("file"));
            disk.file_mut(file).unwrap().write(0, b"synced");
            disk.sync_file(file);
        });
        assert!(found.iter().all(|content| content.as_deref() == Some(b"synced")));
    }

    #[test]
    fn what_was_not_synced_is_kept_torn_or_lost() {
        let found = after_cuts(|disk| {
            let file = disk.create(ROOT, name("file"));
            disk.sync_file(file);
            disk.file_mut(file).unwrap().write(0, &[1; 2048]);
            disk.file_mut(file).unwrap().write(2048, &[2; 2048]);
        });
        let contents: Vec<_> = found.into_iter().flatten().collect();
        assert_eq!(contents.len(), 200, "its name was synced");
        let ends = |end: &[u8]| contents.iter().any(|content| content.ends_with(end));
        assert!(contents.iter().any(Vec::is_empty), "all lost");
        assert!(contents.iter().any(|content| content.len() == 4096 && content[0] == 1), "all kept");
        assert!(contents.iter().any(|content| content.len() == 1024), "torn");
        assert!(
            ends(&[2; 2048]) && contents.iter().any(|content| content.starts_with(&[0; 512])),
            "reordered"
        );
    }

    #[test]
    fn names_survive_as_a_prefix_of_their_changes() {
        let found = after_cuts(|disk| {
            let file = disk.create(ROOT, name("temporary"));
            disk.file_mut(file).unwrap().write(0, b"new");
            disk.sync_file(file);
            disk.rename((ROOT, name("temporary").to_owned()), (ROOT, name("file").to_owned()));
        });
        assert!(found.contains(&None) && found.contains(&Some(b"new".to_vec())));
        let synced = after_cuts(|disk| {
            let file = disk.create(ROOT, name("file"));
            disk.sync_directory(ROOT);
            disk.file_mut(file).unwrap().write(0, b"x");
        });
        assert!(!synced.contains(&None), "the directory was synced");
    }

    #[test]
    fn a_sync_that_is_ignored_keeps_nothing_for_sure() {
        let lost = (0..50).any(|seed| {
            let mut disk = Disk::new(Ignored::All);
            let file = disk.create(ROOT, name("file"));
            disk.file_mut(file).unwrap().write(0, b"x");
            disk.sync_file(file);
            disk.sync_directory(ROOT);
            disk.cut(&mut fastrand::Rng::with_seed(seed));
            disk.names.get(ROOT, name("file")).is_none()
        });
        assert!(lost);
    }

    #[test]
    fn only_the_syncs_below_a_directory_are_ignored() {
        let mut lost = 0;
        for seed in 0..50 {
            let mut disk = Disk::new(Ignored::OfState);
            let state = disk.make_directory(ROOT, name("state"));
            let inside = disk.create(state, name("db"));
            let outside = disk.create(ROOT, name("wal"));
            for file in [inside, outside] {
                disk.file_mut(file).unwrap().write(0, b"x");
                disk.sync_file(file);
            }
            disk.cut(&mut fastrand::Rng::with_seed(seed));
            assert_eq!(disk.file(outside).unwrap().bytes(), b"x");
            lost += u32::from(disk.file(inside).is_none_or(|file| file.bytes() != b"x"));
        }
        assert!((1..50).contains(&lost), "{lost}");
    }
}

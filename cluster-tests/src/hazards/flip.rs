use std::fs;
use std::path::{Path, PathBuf};

use crate::group::Error;

/// A part of what a node keeps in its data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Log,
    /// Whom it has voted for; in the same files as the log.
    Vote,
    State,
    Snapshot,
    Identity,
}

/// A bit that was turned over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    pub path: PathBuf,
    pub byte: u64,
}

impl Part {
    pub const ALL: [Self; 5] = [Self::Log, Self::Vote, Self::State, Self::Snapshot, Self::Identity];

    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Vote => "vote",
            Self::State => "state",
            Self::Snapshot => "snapshot",
            Self::Identity => "identity",
        }
    }

    /// Turns one bit over, somewhere in what was written of this part. `None` when nothing was.
    pub fn flip(self, data_dir: &Path, random: &mut fastrand::Rng) -> Result<Option<Flip>, Error> {
        let paths = match self {
            Self::Log | Self::Vote => files(&data_dir.join("wal"))?,
            Self::State => files(&data_dir.join("state"))?,
            Self::Snapshot => {
                let sound = |path: &PathBuf| path.extension().is_some_and(|end| end == "etl");
                files(&data_dir.join("snapshots"))?.into_iter().filter(sound).collect()
            }
            Self::Identity => vec![data_dir.join("identity")],
        };
        let mut places = Vec::new();
        for path in &paths {
            let bytes = fs::read(path).map_err(Error::file(path))?;
            let found = if self == Self::Vote { votes(&bytes) } else { written(&bytes) };
            places.extend(found.into_iter().map(|byte| (path, byte)));
        }
        let Some((path, byte)) = random.choice(places) else { return Ok(None) };
        let mut bytes = fs::read(path).map_err(Error::file(path))?;
        if let Some(hit) = bytes.get_mut(byte) {
            *hit ^= 1 << random.u8(0..8);
        }
        fs::write(path, bytes).map_err(Error::file(path))?;
        Ok(Some(Flip { path: path.clone(), byte: byte as u64 }))
    }
}

/// All files below a directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::file(directory))? {
        let path = entry.map_err(Error::file(directory))?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Where something was written: databases take room in advance, and fill it with zeros.
fn written(bytes: &[u8]) -> Vec<usize> {
    bytes.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(at, _)| at).collect()
}

/// A record of a vote: its kind, the version of its encoding, the offset synced before, term, node, and whether a quorum has
/// granted it.
const VOTE_BYTES: usize = 4 + 1 + 8 + 8 + 8 + 1;
/// No group of these tests comes to more terms or nodes.
const MANY: u64 = 1 << 24;

/// The bytes of all records of votes in a file of the log.
fn votes(bytes: &[u8]) -> Vec<usize> {
    let number = |record: &[u8], at: usize| {
        record.get(at..at + 8)?.iter().try_fold(0_u64, |sum, byte| Some(sum << 8 | u64::from(*byte)))
    };
    let is_vote = |record: &[u8]| {
        let plausible = |at| number(record, at).is_some_and(|found| (1..MANY).contains(&found));
        record.starts_with(&[0, 0, 0, 0, 1]) && plausible(13) && plausible(21) && record[29] <= 1
    };
    let begins = bytes.windows(VOTE_BYTES).enumerate().filter(|(_, record)| is_vote(record));
    begins.flat_map(|(at, _)| at..at + VOTE_BYTES).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_what_was_written_is_turned_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity");
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..50 {
            let before = [0, 0, 7, 0, 9, 0];
            fs::write(&path, before).unwrap();
            let flip = Part::Identity.flip(dir.path(), &mut random).unwrap().unwrap();
            let after = fs::read(&path).unwrap();
            let bits: u32 = before.iter().zip(&after).map(|(a, b)| (a ^ b).count_ones()).sum();
            assert!(bits == 1 && [2, 4].contains(&flip.byte), "{flip:?} {after:?}");
        }
        fs::write(&path, [0; 4]).unwrap();
        assert_eq!(Part::Identity.flip(dir.path(), &mut random).unwrap(), None);
    }

    #[test]
    fn votes_are_told_from_other_records() {
        let mut log = vec![0, 0, 0, 1, 1];
        let begins = log.len();
        log.extend([0, 0, 0, 0, 1]);
        for number in [77_u64, 3, 2] {
            log.extend(number.to_be_bytes());
        }
        log.push(1);
        log.extend([0xab; 8]);
        assert_eq!(votes(&log), (begins..begins + VOTE_BYTES).collect::<Vec<_>>());
    }
}

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::store::durable;

const MAGIC: &[u8; 8] = b"etl-end1";

/// Each slot has a block of its own, so that a write that is cut short cannot harm the other.
const SLOT_BYTES: u64 = 4096;
const USED_BYTES: usize = 28;

/// Says, outside the log, how far the log was certainly on disk: a log that ends before that has lost something that was
/// promised, and is not merely torn by a crash.
///
/// It is written after the log has been synced and nobody waits for it, so it lags behind by milliseconds. Two slots of
/// magic, sequence number, offset and CRC-32 are written in turn; the valid one with the higher number counts.
#[derive(Debug)]
pub(crate) struct EndMarker {
    path: PathBuf,
    file: File,
    sequence: u64,
    end: u64,
}

impl EndMarker {
    /// Makes the file durably, for a log that is empty.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let mut content = vec![0; 2 * SLOT_BYTES as usize];
        // Both slots are longer than what is used of them.
        content[..USED_BYTES].copy_from_slice(&slot(0, 0));
        durable::replace(path, &content)?;
        let file = open(path).map_err(Error::io(path))?;
        Ok(Self { path: path.to_owned(), file, sequence: 0, end: 0 })
    }

    /// `None` when there is no such file.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let file = match open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(path)(error)),
        };
        let mut newest: Option<(u64, u64)> = None;
        for number in 0..2 {
            let mut bytes = [0; USED_BYTES];
            match file.read_exact_at(&mut bytes, number * SLOT_BYTES) {
                Ok(()) => newest = newest.max(read_slot(&bytes)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => return Err(Error::io(path)(error)),
            }
        }
        let (sequence, end) = newest.ok_or_else(|| Error::Damaged {
            path: path.to_owned(),
            problem: "neither of its two slots is whole".to_owned(),
        })?;
        Ok(Some(Self { path: path.to_owned(), file, sequence, end }))
    }

    /// All of the log before this offset was on disk.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Moves the end forward, durably.
    pub(crate) fn advance(&mut self, end: u64) -> Result<(), Error> {
        if end <= self.end {
            return Ok(());
        }
        let sequence = self.sequence + 1;
        self.file
            .write_all_at(&slot(sequence, end), sequence % 2 * SLOT_BYTES)
            .and_then(|()| self.file.sync_data())
            .map_err(Error::io(&self.path))?;
        (self.sequence, self.end) = (sequence, end);
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

fn slot(sequence: u64, end: u64) -> [u8; USED_BYTES] {
    let mut bytes = [0; USED_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&sequence.to_be_bytes());
    bytes[16..24].copy_from_slice(&end.to_be_bytes());
    let checksum = crc32fast::hash(&bytes[..24]);
    bytes[24..].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn read_slot(bytes: &[u8; USED_BYTES]) -> Option<(u64, u64)> {
    let sequence = u64::from_be_bytes(bytes[8..16].try_into().ok()?);
    let end = u64::from_be_bytes(bytes[16..24].try_into().ok()?);
    (*bytes == slot(sequence, end)).then_some((sequence, end))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log-end");
        assert!(EndMarker::open(&path).unwrap().is_none());
        let mut marker = EndMarker::create(&path).unwrap();
        for end in [10, 20, 15, 30] {
            marker.advance(end).unwrap();
        }
        assert_eq!(EndMarker::open(&path).unwrap().unwrap().end(), 30);

        let whole = std::fs::read(&path).unwrap();
        for bit in 0..2 * USED_BYTES * 8 {
            let slot = bit / 8 / USED_BYTES * SLOT_BYTES as usize;
            let mut flipped = whole.clone();
            flipped[slot + bit / 8 % USED_BYTES] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            let end = EndMarker::open(&path).unwrap().unwrap().end();
            assert!(end == 30 || end == 20, "bit {bit} makes {end}");
        }
        std::fs::write(&path, &whole[..10]).unwrap();
        assert!(matches!(EndMarker::open(&path), Err(Error::Damaged { .. })));
    }
}

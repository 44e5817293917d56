use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use etl_raft_state::{EncodingError, State};

use super::SnapshotMeta;
use super::format::{BLOCK_BYTES, END, HEAD_BYTES, MAGIC, META_BYTES, VERSION};
use crate::Error;
use crate::store::Row;

/// Reads a whole snapshot and checks every byte of it.
///
/// # Errors
/// [`Error::Damaged`] when it is not exactly what was written, [`Error::Encoding`] when newer software has written its
/// state, [`Error::Io`]
pub fn read_snapshot(path: &Path) -> Result<(SnapshotMeta, State), Error> {
    let (meta, mut rows) = Rows::open(path)?;
    let loaded = State::load(&mut rows);
    // A flaw in the file ends the rows early, and is the cause of whatever `load` makes of that.
    rows.finish()?;
    match loaded {
        Ok(state) => Ok((meta, state)),
        Err(error) if error.needs_upgrade() => Err(Error::Encoding(error)),
        Err(error) => Err(Error::Damaged { path: path.to_owned(), problem: error.to_string() }),
    }
}

/// Checks every byte of a snapshot, without making sense of its rows, and returns what it says of itself.
///
/// # Errors
/// as [`read_snapshot`]
pub(crate) fn verify(path: &Path) -> Result<SnapshotMeta, Error> {
    let (meta, mut rows) = Rows::open(path)?;
    rows.by_ref().for_each(drop);
    rows.finish()?;
    Ok(meta)
}

/// The rows of a snapshot. They end early where a flaw is found, which [`Rows::finish`] then tells.
struct Rows {
    path: PathBuf,
    file: Summed,
    block: std::vec::IntoIter<Row>,
    count: u64,
    end: Option<Result<(), Error>>,
}

impl Rows {
    fn open(path: &Path) -> Result<(SnapshotMeta, Self), Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let mut file =
            Summed { file: BufReader::with_capacity(256 << 10, file), sum: crc32fast::Hasher::new() };
        let (version, meta) = read_head(&mut file).map_err(|error| flaw(path, error))?;
        if version != VERSION {
            let what = "a snapshot";
            return Err(Error::Encoding(EncodingError::UnknownVersion {
                what,
                found: version,
                known: VERSION,
            }));
        }
        let meta = rmp_serde::from_slice(&meta).map_err(|error| flaw(path, invalid(&error.to_string())))?;
        Ok((meta, Self { path: path.to_owned(), file, block: Vec::new().into_iter(), count: 0, end: None }))
    }

    /// Whether all rows were there and sound. To be asked after the last one.
    fn finish(&mut self) -> Result<(), Error> {
        // Rows that nobody has asked for are read here.
        self.by_ref().for_each(drop);
        self.end.take().unwrap_or(Ok(()))
    }

    /// The rows of the next block, or `None` at a sound end.
    fn next_block(&mut self) -> io::Result<Option<Vec<Row>>> {
        let length = u32::from_be_bytes(self.file.array()?) as usize;
        if length == 0 {
            return self.read_trailer().map(|()| None);
        }
        if length > BLOCK_BYTES {
            return Err(invalid("a block is longer than any that is written"));
        }
        let sum = u32::from_be_bytes(self.file.array()?);
        let block = self.file.take(length)?;
        if crc32fast::hash(&block) != sum {
            return Err(invalid("a block does not fit its checksum"));
        }
        let mut rest = block.as_slice();
        let mut rows = Vec::new();
        while !rest.is_empty() {
            rows.push(split_row(&mut rest).ok_or_else(|| invalid("a row does not fit into its block"))?);
        }
        self.count += rows.len() as u64;
        Ok(Some(rows))
    }

    fn read_trailer(&mut self) -> io::Result<()> {
        if u64::from_be_bytes(self.file.array()?) != self.count {
            return Err(invalid("rows are missing"));
        }
        self.file.check_sum()?;
        if self.file.array()? != *END {
            return Err(invalid("it does not end as it should"));
        }
        let mut more = [0; 1];
        if self.file.file.read(&mut more)? != 0 {
            return Err(invalid("something follows its end"));
        }
        Ok(())
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.block.next() {
                return Some(row);
            }
            if self.end.is_some() {
                return None;
            }
            match self.next_block() {
                Ok(Some(rows)) => self.block = rows.into_iter(),
                Ok(None) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(flaw(&self.path, error))),
            }
        }
    }
}

/// The version, and what the snapshot says of itself in that version.
fn read_head(file: &mut Summed) -> io::Result<(u8, Vec<u8>)> {
    let head: [u8; HEAD_BYTES] = file.array()?;
    let (magic, rest) = head.split_at(MAGIC.len());
    let &[version, a, b, c, d] = rest else { return Err(invalid("it is not a snapshot")) };
    if magic != MAGIC {
        return Err(invalid("it is not a snapshot"));
    }
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > META_BYTES {
        return Err(invalid("what it says of itself is longer than any that is written"));
    }
    let meta = file.take(length)?;
    file.check_sum()?;
    Ok((version, meta))
}

fn split_row(rest: &mut &[u8]) -> Option<Row> {
    let (key, after) = rest.split_first_chunk::<4>()?;
    let (value, after) = after.split_first_chunk::<4>()?;
    let (key, after) = after.split_at_checked(u32::from_be_bytes(*key) as usize)?;
    let (value, after) = after.split_at_checked(u32::from_be_bytes(*value) as usize)?;
    *rest = after;
    Some((key.to_vec(), value.to_vec()))
}

fn flaw(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => Error::Damaged { path: path.to_owned(), problem: error.to_string() },
        io::ErrorKind::UnexpectedEof => {
            Error::Damaged { path: path.to_owned(), problem: "it is cut short".to_owned() }
        }
        _ => Error::io(path)(error),
    }
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// Keeps the checksum of what is read.
struct Summed {
    file: BufReader<File>,
    sum: crc32fast::Hasher,
}

impl Summed {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.sum.update(&bytes);
        Ok(bytes)
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes)?;
        self.sum.update(&bytes);
        Ok(bytes)
    }

    fn check_sum(&mut self) -> io::Result<()> {
        let expected = self.sum.clone().finalize();
        if u32::from_be_bytes(self.array()?) != expected {
            return Err(invalid("it does not fit its checksum"));
        }
        Ok(())
    }
}

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use etl_formats::parquet::ParquetReader;
use etl_model::Position;
use etl_sdk::{ConnectorError, Fetched, ReadOptions};
use xxhash_rust::xxh3::xxh3_64;

use super::chunk::BatchChunk;
use super::cursor::{Cursor, source_changed};
use super::input::{Stamp, open};
use super::reader::ReadCore;
use crate::error::FileError;

/// Rows of a batch at most.
const BATCH_ROWS: usize = 1 << 16;
/// The footer's length and the magic word behind it.
const TAIL: u64 = 8;

/// Reads a Parquet file; rows are decoded here, because a row group can only be decoded from its beginning.
pub struct ParquetCore {
    path: PathBuf,
    reader: ParquetReader,
    stamp: Stamp,
    /// Hash of the footer, which names every column chunk with its place and statistics.
    footer: u64,
    next: u64,
    reported: u64,
}

/// The columns of a file.
pub fn schema(path: &Path) -> Result<SchemaRef, FileError> {
    let (file, _) = open(path)?;
    let reader = ParquetReader::open(file, 0, 1, 1).map_err(FileError::format(path))?;
    Ok(SchemaRef::clone(reader.schema()))
}

impl ParquetCore {
    /// Opens a file at a row, checking that it is the file in which the position was taken.
    pub fn open(path: &Path, from: Option<&Position>, options: &ReadOptions) -> Result<Self, FileError> {
        let (file, stamp) = open(path)?;
        let footer = footer_hash(&file, stamp.size).map_err(FileError::io("read", path))?;
        let next = from.map_or(0, |position| position.next);
        if let Some(position) = from {
            let cursor = Cursor::of(position)?;
            if cursor.size != stamp.size || cursor.hash != format!("{footer:016x}") {
                return Err(source_changed(path, position, "it is another file now"));
            }
        }
        let reader = ParquetReader::open(file, next, BATCH_ROWS, options.chunk_bytes.max(1))
            .map_err(FileError::format(path))?;
        let mut core = Self { path: path.to_owned(), reader, stamp, footer, next, reported: 0 };
        core.reported = core.share(next);
        Ok(core)
    }

    /// The share of the file's bytes that its first rows stand for.
    fn share(&self, rows: u64) -> u64 {
        let all = u128::from(self.reader.rows().max(1));
        u64::try_from(u128::from(self.stamp.size) * u128::from(rows) / all).unwrap_or(self.stamp.size)
    }

    fn position(&self) -> Position {
        Cursor::position(self.next, self.footer, 0, self.stamp)
    }
}

fn footer_hash(file: &File, size: u64) -> std::io::Result<u64> {
    let mut tail = [0; TAIL as usize];
    let Some(end) = size.checked_sub(TAIL) else { return Ok(0) };
    file.read_exact_at(&mut tail, end)?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]])).min(end);
    // At most 4 GiB, and not more than the file holds.
    let mut footer = vec![0; length as usize];
    file.read_exact_at(&mut footer, end - length)?;
    Ok(xxh3_64(&footer))
}

impl ReadCore for ParquetCore {
    fn next(&mut self) -> Result<Fetched, ConnectorError> {
        loop {
            let Some(batch) = self.reader.next().map_err(FileError::format(&self.path))? else {
                return Ok(Fetched::End(self.position()));
            };
            self.next += batch.len() as u64;
            if batch.is_empty() {
                continue;
            }
            let consumed = self.share(self.next);
            let source_bytes = consumed - self.reported;
            self.reported = consumed;
            return Ok(Fetched::Chunk(Box::new(BatchChunk { batch, source_bytes, end: self.position() })));
        }
    }
}

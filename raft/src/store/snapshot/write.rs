use std::io::{self, BufWriter, Write};
use std::path::Path;

use etl_raft_state::State;

use super::SnapshotMeta;
use super::format::{BLOCK_BYTES, END, MAGIC, META_BYTES, VERSION};
use crate::Error;
use crate::store::{Row, durable};
use crate::type_config::SnapshotFile;

/// Writes a snapshot durably: after a crash the file at `path` is whole, or what it was before.
///
/// # Errors
/// [`Error::Io`]
pub fn write_snapshot(path: &Path, meta: &SnapshotMeta, state: &State) -> Result<SnapshotFile, Error> {
    write_rows(path, meta, state.rows())
}

pub(super) fn write_rows(
    path: &Path,
    meta: &SnapshotMeta,
    rows: impl Iterator<Item = Row>,
) -> Result<SnapshotFile, Error> {
    let unfinished = durable::unfinished(path);
    let size = prepare(&unfinished, meta, rows).inspect_err(|_| {
        // It is of no use, and on a full disk its room is.
        let _ = durable::remove(&unfinished);
    })?;
    durable::rename(&unfinished, path)?;
    Ok(SnapshotFile { path: path.to_owned(), size })
}

fn prepare(path: &Path, meta: &SnapshotMeta, rows: impl Iterator<Item = Row>) -> Result<u64, Error> {
    let file = durable::create(path)?;
    let mut out =
        Summed { out: BufWriter::with_capacity(256 << 10, file), sum: crc32fast::Hasher::new(), size: 0 };
    write_all(&mut out, meta, rows)
        .and_then(|()| out.out.flush())
        .and_then(|()| out.out.get_ref().sync_all())
        .map_err(Error::io(path))?;
    Ok(out.size)
}

fn write_all<W: Write>(
    out: &mut Summed<W>,
    meta: &SnapshotMeta,
    rows: impl Iterator<Item = Row>,
) -> io::Result<()> {
    let meta = rmp_serde::to_vec_named(meta).map_err(io::Error::other)?;
    if meta.len() > META_BYTES {
        return Err(too_large("the membership", meta.len(), META_BYTES));
    }
    out.put(MAGIC)?;
    out.put(&[VERSION])?;
    out.put(&length(&meta))?;
    out.put(&meta)?;
    out.put_sum()?;

    let mut count: u64 = 0;
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    for (key, value) in rows {
        let row = 8 + key.len() + value.len();
        if row > BLOCK_BYTES {
            return Err(too_large("a row", row, BLOCK_BYTES));
        }
        if block.len() + row > BLOCK_BYTES {
            put_block(out, &mut block)?;
        }
        block.extend_from_slice(&length(&key));
        block.extend_from_slice(&length(&value));
        block.extend_from_slice(&key);
        block.extend_from_slice(&value);
        count += 1;
    }
    if !block.is_empty() {
        put_block(out, &mut block)?;
    }
    out.put(&0_u32.to_be_bytes())?;
    out.put(&count.to_be_bytes())?;
    out.put_sum()?;
    out.put(END)
}

fn put_block<W: Write>(out: &mut Summed<W>, block: &mut Vec<u8>) -> io::Result<()> {
    out.put(&length(block))?;
    out.put(&crc32fast::hash(block).to_be_bytes())?;
    out.put(block)?;
    block.clear();
    Ok(())
}

/// Only for what is known to be no longer than a block.
fn length(bytes: &[u8]) -> [u8; 4] {
    (bytes.len() as u32).to_be_bytes()
}

fn too_large(what: &str, size: usize, limit: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{what} of {size} bytes is larger than the {limit} allowed"),
    )
}

/// Keeps the checksum and the size of what is written.
struct Summed<W> {
    out: W,
    sum: crc32fast::Hasher,
    size: u64,
}

impl<W: Write> Summed<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.sum.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn put_sum(&mut self) -> io::Result<()> {
        let sum = self.sum.clone().finalize();
        self.put(&sum.to_be_bytes())
    }
}

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use etl_formats::Compression;

use super::files::not_a_file;
use crate::error::FileError;

/// What the file system says about a file; tells a person, and the check of a position, whether it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes, as stored.
    pub size: u64,
    /// Last modification, in milliseconds since 1970.
    pub modified: i64,
    /// The inode.
    pub inode: u64,
}

impl Stamp {
    fn new(metadata: &Metadata) -> Self {
        let modified =
            metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000);
        Self { size: metadata.len(), modified, inode: metadata.ino() }
    }
}

/// Opens a regular file.
pub fn open(path: &Path) -> Result<(File, Stamp), FileError> {
    // Asked first: opening a pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(FileError::io("open", path))?;
    if !metadata.is_file() {
        return Err(not_a_file(path, metadata.is_dir()));
    }
    let file = File::open(path).map_err(FileError::io("open", path))?;
    let stamp =
        file.metadata().map(|metadata| Stamp::new(&metadata)).map_err(FileError::io("look at", path))?;
    Ok((file, stamp))
}

/// The decompressed bytes of a file, in order.
pub struct Input {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    /// Bytes of the stored file that the decompressor has taken.
    compressed: Option<Arc<AtomicU64>>,
    read: u64,
    stamp: Stamp,
    at_end: bool,
}

impl Input {
    /// Opens a file at its beginning.
    pub fn open(path: &Path, compression: Compression) -> Result<Self, FileError> {
        let (file, stamp) = open(path)?;
        let damaged = |error| FileError::read_failure(path.to_owned(), error);
        let (reader, compressed) = if compression == Compression::None {
            (Box::new(file) as Box<dyn Read + Send>, None)
        } else {
            let taken = Arc::new(AtomicU64::new(0));
            let counted = Counted { file, taken: Arc::clone(&taken) };
            (compression.reader(counted).map_err(damaged)?, Some(taken))
        };
        Ok(Self { path: path.to_owned(), reader, compressed, read: 0, stamp, at_end: false })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it was when it was opened.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Whether all bytes have been read.
    pub fn at_end(&self) -> bool {
        self.at_end
    }

    /// Bytes of the stored file consumed so far, when it is compressed.
    pub fn compressed_bytes(&self) -> Option<u64> {
        self.compressed.as_ref().map(|taken| taken.load(Ordering::Relaxed))
    }

    /// Appends bytes until `buffer` holds `length` of them or the file ends.
    pub fn fill(&mut self, buffer: &mut Vec<u8>, length: usize) -> Result<(), FileError> {
        let missing = length.saturating_sub(buffer.len());
        if self.at_end || missing == 0 {
            return Ok(());
        }
        buffer.reserve(missing);
        let read = (&mut self.reader)
            .take(missing as u64)
            .read_to_end(buffer)
            .map_err(|error| FileError::read_failure(self.path.clone(), error))?;
        self.read += read as u64;
        if read < missing {
            self.at_end = true;
            self.refuse_shrunk()?;
        }
        Ok(())
    }

    /// A plain file that ends before the size it had at the beginning has been cut while it was read.
    fn refuse_shrunk(&self) -> Result<(), FileError> {
        let read = self.read;
        if self.compressed.is_some() || read >= self.stamp.size {
            return Ok(());
        }
        Err(FileError::user(
            "source_changed",
            format!(
                "{} was cut from {} to {read} bytes while it was read",
                self.path.display(),
                self.stamp.size
            ),
            "restore it, or start over with --restart",
        ))
    }
}

/// Counts the bytes taken from the file.
struct Counted {
    file: File,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

use std::path::Path;

use etl_model::Position;
use serde::{Deserialize, Serialize};

use super::input::Stamp;
use crate::error::FileError;

/// The cursor of a position in a file: what a reader needs to go on there and to notice that the part already read is
/// another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Size of the stored file when it was read.
    pub size: u64,
    /// XXH3 of everything before the position (text: the decompressed bytes; Parquet: the footer), hexadecimal.
    pub hash: String,
    /// Line of the first byte at the position, from 1; 0 where there are no lines.
    pub line: u64,
    /// Last modification in milliseconds since 1970; a hint for people.
    pub modified: i64,
    /// Inode; a hint for people.
    pub inode: u64,
}

impl Cursor {
    /// A position with its cursor.
    pub fn position(next: u64, hash: u64, line: u64, stamp: Stamp) -> Position {
        let cursor = serde_json::json!({
            "size": stamp.size,
            "hash": format!("{hash:016x}"),
            "line": line,
            "modified": stamp.modified,
            "inode": stamp.inode,
        });
        Position { next, cursor }
    }

    /// Reads the cursor of a position that is not the beginning.
    pub fn of(position: &Position) -> Result<Self, FileError> {
        serde_json::from_value(position.cursor.clone()).map_err(|error| {
            FileError::Internal(format!("the position {position} has no file cursor: {error}"))
        })
    }
}

/// The part of a file that was already read is not what it was.
pub fn source_changed(path: &Path, position: &Position, what: &str) -> FileError {
    FileError::user(
        "source_changed",
        format!("{}: {what}, so the run cannot go on at byte {}", path.display(), position.next),
        "the part already read has changed; restore it, or start over with --restart",
    )
}

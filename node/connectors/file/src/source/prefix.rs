use etl_model::Position;
use xxhash_rust::xxh3::Xxh3;

use super::cursor::{Cursor, source_changed};
use super::framing::Opening;
use super::input::Input;
use crate::error::FileError;

const BLOCK: usize = 256 << 10;

/// The state of a reader that stands at a position of a text file.
pub struct Place {
    /// Bytes read that lie behind the position.
    pub rest: Vec<u8>,
    /// The position's offset.
    pub offset: u64,
    /// Line of the byte there, from 1.
    pub line: u64,
    /// Hash of everything before it.
    pub hash: Xxh3,
}

impl Place {
    /// The place of the first record. The bytes before it stay in `rest`, so that nothing is copied.
    pub fn first_record(opening: &mut Opening) -> Self {
        let before = &opening.bytes[..opening.first_record.min(opening.bytes.len())];
        let mut hash = Xxh3::new();
        hash.update(before);
        let line = 1 + memchr::memchr_iter(b'\n', before).count() as u64;
        let offset = before.len() as u64;
        Self { rest: std::mem::take(&mut opening.bytes), offset, line, hash }
    }

    /// Goes to a position of an earlier read, checking that everything before it is what it was.
    pub fn resume(input: &mut Input, opening: &mut Opening, position: &Position) -> Result<Self, FileError> {
        let cursor = Cursor::of(position)?;
        let path = input.path().to_owned();
        let changed = |what: &str| source_changed(&path, position, what);
        let size = input.stamp().size;
        if size < cursor.size {
            return Err(changed(&format!("it has shrunk from {} to {size} bytes", cursor.size)));
        }
        if position.next < opening.first_record as u64 {
            return Err(changed("its beginning is another one now"));
        }
        let mut hash = Xxh3::new();
        let mut left = position.next;
        let mut block = std::mem::take(&mut opening.bytes);
        let mut last = None;
        loop {
            let used = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            hash.update(&block[..used]);
            last = block[..used].last().copied().or(last);
            left -= used as u64;
            if left == 0 {
                block.drain(..used);
                break;
            }
            block.clear();
            input.fill(&mut block, usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK))?;
            if block.is_empty() {
                return Err(changed("it ends earlier now"));
            }
        }
        if format!("{:016x}", hash.digest()) != cursor.hash {
            return Err(changed("the part before it has changed"));
        }
        if opening.kind.has_lines()
            && last.is_some_and(|byte| byte != b'\n')
            && position.next > opening.first_record as u64
        {
            // The last record read had no line end, because the file ended there; more bytes must not belong to it.
            input.fill(&mut block, 1)?;
            if block.first().is_some_and(|byte| !matches!(byte, b'\n' | b'\r')) {
                return Err(changed("its last line has been continued"));
            }
        }
        Ok(Self { rest: block, offset: position.next, line: cursor.line, hash })
    }
}

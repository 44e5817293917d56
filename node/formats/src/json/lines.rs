use memchr::{memchr_iter, memrchr};

use crate::{FormatError, Splitter};

use super::cursor::Cursor;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Finds the ends of lines, each of which is a record or blank.
///
/// A last line without its line end is a record if it is complete; a file that ends inside one is
/// [`FormatError::Truncated`].
#[derive(Debug, Default)]
pub struct LinesSplitter {
    /// Bytes behind the last section that hold no line end.
    scanned: usize,
    lines: u64,
}

impl LinesSplitter {
    /// For the beginning of a file or of a line.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Splitter for LinesSplitter {
    fn split(&mut self, data: &[u8], at_end: bool) -> Result<usize, FormatError> {
        let unseen = data.get(self.scanned..).unwrap_or_default();
        let whole = memrchr(b'\n', unseen).map_or(0, |newline| self.scanned + newline + 1);
        self.lines += memchr_iter(b'\n', data.get(..whole).unwrap_or_default()).count() as u64;
        let last = data.get(whole..).unwrap_or_default();
        if !at_end {
            self.scanned = last.len();
            return Ok(whole);
        }
        self.scanned = 0;
        if ends_inside(last) {
            let line = self.lines + 1;
            return Err(FormatError::Truncated {
                line,
                what: "the last line has no line end and is not complete JSON",
            });
        }
        Ok(data.len())
    }
}

/// Whether a line is the beginning of a JSON text and not the whole of one. What cannot be the beginning of one is
/// malformed, which is the decoder's to say.
fn ends_inside(line: &[u8]) -> bool {
    let line = line.strip_prefix(BOM).unwrap_or(line);
    let mut cursor = Cursor::new(line);
    if cursor.next_token().is_none() {
        return false;
    }
    match cursor.skip_value() {
        Ok(()) => false,
        Err(fault) => fault.ended,
    }
}

use super::Dialect;
use super::scanner::{BLOCK, Scanner, State};
use crate::{FormatError, Splitter};

/// Finds the ends of CSV records.
#[derive(Debug, Clone)]
pub struct CsvSplitter {
    scanner: Scanner,
    /// Bytes behind the last cut that `scanner` has already seen.
    scanned: usize,
    /// Line on which the first record behind the last cut begins.
    line: u64,
}

impl CsvSplitter {
    /// A splitter that stands at the start of a record.
    pub fn new(dialect: &Dialect) -> Self {
        Self { scanner: Scanner::new(dialect), scanned: 0, line: 1 }
    }
}

impl Splitter for CsvSplitter {
    fn split(&mut self, data: &[u8], at_end: bool) -> Result<usize, FormatError> {
        let mut end = 0;
        let mut at = self.scanned.min(data.len());
        let (blocks, rest) = data[at..].as_chunks::<BLOCK>();
        for block in blocks {
            let line_ends = self.scanner.block(block).line_ends;
            if line_ends != 0 {
                end = at + BLOCK - line_ends.leading_zeros() as usize;
            }
            at += BLOCK;
        }
        let line_ends = self.scanner.walk(rest).line_ends;
        if line_ends != 0 {
            end = at + BLOCK - line_ends.leading_zeros() as usize;
        }
        if at_end && end < data.len() {
            if self.scanner.state() == State::Quoted {
                let line = self.line + line_count(&data[..end]);
                return Err(FormatError::Truncated { line, what: "a quoted field is still open" });
            }
            end = data.len();
        }
        self.scanned = data.len() - end;
        self.line += line_count(&data[..end]);
        Ok(end)
    }
}

/// Behind the line end of the first record, or the length of `data` if it is not whole.
pub(super) fn first_record_end(data: &[u8], dialect: &Dialect) -> usize {
    let mut scanner = Scanner::new(dialect);
    for (i, block) in data.chunks(BLOCK).enumerate() {
        let line_ends = scanner.walk(block).line_ends;
        if line_ends != 0 {
            return i * BLOCK + line_ends.trailing_zeros() as usize + 1;
        }
    }
    data.len()
}

pub(super) fn line_count(data: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', data).count() as u64
}

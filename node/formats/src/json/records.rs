use memchr::{memchr, memchr_iter};

use super::array::ElementScan;
use super::options::Framing;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The bytes of one record inside a section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    /// Its first byte, which is no white space.
    pub start: usize,
    /// Behind its last byte; trailing white space may be included.
    pub end: usize,
}

/// Walks the records of a section.
#[derive(Debug, Clone)]
pub(super) struct Records<'a> {
    data: &'a [u8],
    framing: Framing,
    pos: usize,
}

impl<'a> Records<'a> {
    /// `at_start`: the section is the beginning of the file, where a byte order mark and the array's bracket stand.
    pub fn new(data: &'a [u8], framing: Framing, at_start: bool) -> Self {
        let mut pos = if at_start && data.starts_with(BOM) { BOM.len() } else { 0 };
        if at_start && framing == Framing::Array {
            pos += white(data.get(pos..).unwrap_or_default());
            pos += (data.get(pos) == Some(&b'[')) as usize;
        }
        Self { data, framing, pos }
    }

    /// How far the walk has come.
    pub fn pos(&self) -> usize {
        self.pos
    }

    fn line(&mut self) -> Option<Record> {
        loop {
            let rest = self.data.get(self.pos..).filter(|rest| !rest.is_empty())?;
            let length = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default();
            let start = self.pos + white(line);
            let end = self.pos + length;
            self.pos = (end + 1).min(self.data.len());
            if start < end {
                return Some(Record { start, end });
            }
        }
    }

    fn element(&mut self) -> Option<Record> {
        let rest = self.data.get(self.pos..)?;
        let skipped = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',')).count();
        let start = self.pos + skipped;
        let element = self.data.get(start..).unwrap_or_default();
        if element.is_empty() || element.starts_with(b"]") {
            self.pos = self.data.len();
            return None;
        }
        // A stray closing bracket has no length; as a record of one byte it is refused, and the walk goes on.
        let end = start + ElementScan::default().end(element, 0).unwrap_or(element.len()).max(1);
        self.pos = end;
        Some(Record { start, end })
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    #[inline]
    fn next(&mut self) -> Option<Record> {
        match self.framing {
            Framing::Lines => self.line(),
            Framing::Array => self.element(),
        }
    }
}

fn white(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// Turns ascending offsets into lines and columns without counting any byte twice.
#[derive(Debug)]
pub(super) struct Places<'a> {
    data: &'a [u8],
    line: u64,
    counted: usize,
}

impl<'a> Places<'a> {
    /// `line` is that of the first byte.
    pub fn new(data: &'a [u8], line: u64) -> Self {
        Self { data, line, counted: 0 }
    }

    /// Line and column, both counted from 1, the column in bytes.
    pub fn locate(&mut self, at: usize) -> (u64, u64) {
        let at = at.min(self.data.len());
        if at < self.counted {
            let back = self.data.get(at..self.counted).unwrap_or_default();
            self.line -= memchr_iter(b'\n', back).count() as u64;
        } else {
            let ahead = self.data.get(self.counted..at).unwrap_or_default();
            self.line += memchr_iter(b'\n', ahead).count() as u64;
        }
        self.counted = at;
        let before = self.data.get(..at).unwrap_or_default();
        let begin = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        (self.line, (at - begin) as u64 + 1)
    }
}

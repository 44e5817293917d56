use super::Dialect;
use super::scanner::{BLOCK, Scanner, State, Structure, equal, parity};

/// Where the fields of a run of records lie. Offsets count from the run's first byte.
pub(super) struct Table {
    /// Fields per record.
    columns: usize,
    /// First byte of each record that has the right number of fields.
    starts: Vec<u32>,
    /// End of each field of those records, `columns` per record; the next field begins one byte behind it.
    ends: Vec<u32>,
    /// The other records.
    misshapen: Vec<Misshapen>,
}

/// A record with another number of fields, or one whose last field is never closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misshapen {
    /// First byte.
    pub start: usize,
    /// Behind the last byte, without the line end.
    pub end: usize,
    /// Fields found.
    pub fields: usize,
    /// First byte of the first field too many, if there is one.
    pub surplus: Option<usize>,
    /// Whether the data ends inside quotes.
    pub open: bool,
}

/// The record being read.
struct Row {
    /// Its first byte.
    start: usize,
    /// Index in `ends` of its first field.
    first: usize,
}

impl Table {
    /// Longest run in bytes that offsets (and the 32-bit offsets of text columns) can address.
    pub(super) const MAX_BYTES: usize = 1 << 30;

    /// Finds the records of `data`, which is at most [`Self::MAX_BYTES`] long and begins with one.
    pub(super) fn read(data: &[u8], dialect: &Dialect, columns: usize) -> Self {
        let rows = data.len() / (8 * columns.max(4));
        let mut table = Self {
            columns,
            starts: Vec::with_capacity(rows),
            ends: Vec::with_capacity(rows * columns),
            misshapen: Vec::new(),
        };
        let mut scanner = Scanner::new(dialect);
        let mut row = Row { start: 0, first: 0 };
        let (blocks, rest) = data.as_chunks::<BLOCK>();
        for (i, block) in blocks.iter().enumerate() {
            let found = scanner.block(block);
            table.take(data, &mut row, i * BLOCK, found);
        }
        let found = scanner.walk(rest);
        table.take(data, &mut row, blocks.len() * BLOCK, found);
        if row.start < data.len() {
            table.end_record(data, &mut row, data.len(), scanner.state() == State::Quoted);
        }
        table
    }

    #[inline]
    fn take(&mut self, data: &[u8], row: &mut Row, base: usize, found: Structure) {
        let mut bits = found.delimiters | found.line_ends;
        while bits != 0 {
            let bit = bits.trailing_zeros();
            let at = base + bit as usize;
            if found.line_ends >> bit & 1 == 0 {
                self.ends.push(at as u32);
            } else {
                self.end_record(data, row, at, false);
            }
            bits &= bits - 1;
        }
    }

    fn end_record(&mut self, data: &[u8], row: &mut Row, at: usize, open: bool) {
        let fields = self.ends.len() - row.first;
        let last = if fields == 0 { row.start } else { self.ends.last().map_or(0, |&end| end as usize + 1) };
        let end = if at > last && data[at - 1] == b'\r' && !open { at - 1 } else { at };
        let start = std::mem::replace(&mut row.start, at + 1);
        if fields == 0 && end == start {
            return;
        }
        self.ends.push(end as u32);
        if fields + 1 == self.columns && !open {
            self.starts.push(start as u32);
        } else {
            let surplus = (fields + 1 > self.columns).then(|| match self.columns {
                0 => start,
                columns => self.ends[row.first + columns - 1] as usize + 1,
            });
            self.misshapen.push(Misshapen { start, end, fields: fields + 1, surplus, open });
            self.ends.truncate(row.first);
        }
        row.first = self.ends.len();
    }

    /// Records with the right number of fields.
    pub(super) fn rows(&self) -> usize {
        self.starts.len()
    }

    /// First byte of each of them.
    pub(super) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The record's first byte and the end of its last field.
    pub(super) fn record(&self, row: usize) -> (usize, usize) {
        (self.starts[row] as usize, self.ends[(row + 1) * self.columns - 1] as usize)
    }

    /// Start and end of each record's field in this column.
    pub(super) fn fields(&self, column: usize) -> impl ExactSizeIterator<Item = (usize, usize)> {
        self.starts.iter().zip(self.ends.chunks_exact(self.columns.max(1))).map(move |(&start, ends)| {
            let start = if column == 0 { start } else { ends[column - 1] + 1 };
            (start as usize, ends[column] as usize)
        })
    }

    /// Start and end of one field.
    pub(super) fn field(&self, row: usize, column: usize) -> (usize, usize) {
        let ends = &self.ends[row * self.columns..(row + 1) * self.columns];
        let start = if column == 0 { self.starts[row] } else { ends[column - 1] + 1 };
        (start as usize, ends[column] as usize)
    }

    /// The records with another number of fields.
    pub(super) fn misshapen(&self) -> &[Misshapen] {
        &self.misshapen
    }
}

/// Appends the value of a field that begins with a quote.
///
/// # Errors
/// The offset in the field of the first byte behind its closing quote, or its length if it is never closed; nothing
/// is appended then.
pub(super) fn unquote(field: &[u8], quote: u8, out: &mut Vec<u8>) -> Result<(), usize> {
    let before = out.len();
    out.resize(before + field.len() + BLOCK, 0);
    let result = unquote_into(field, field.len(), quote, &mut out[before..]);
    out.truncate(before + *result.as_ref().unwrap_or(&0));
    result.map(drop)
}

/// Like [`unquote`] for the first `length` bytes of `data`, but writes to the beginning of `out` and returns the value's
/// length. `out` is at least [`BLOCK`] bytes longer than the field; what lies behind the value there is overwritten.
/// Reads whole blocks where `data` goes on behind the field, which is faster.
#[inline]
pub(super) fn unquote_into(data: &[u8], length: usize, quote: u8, out: &mut [u8]) -> Result<usize, usize> {
    let field = &data[..length];
    if length < 2 || field[length - 1] != quote {
        return Err(stray(field, quote));
    }
    let (mut from, end) = (1, length - 1);
    let mut to = 0;
    // Set when the block before ended with the first quote of a pair.
    let mut half = false;
    while from < end {
        let count = (end - from).min(BLOCK);
        let mut padded = [0; BLOCK];
        let block = match data[from..].first_chunk::<BLOCK>() {
            Some(block) => block,
            None => {
                padded[..count].copy_from_slice(&field[from..from + count]);
                &padded
            }
        };
        from += count;
        let valid = u64::MAX >> (BLOCK - count);
        let quotes = equal(block, quote) & valid;
        let Some(target) = out[to..].first_chunk_mut::<BLOCK>() else {
            debug_assert!(false, "`out` is too short");
            return Err(length);
        };
        if quotes == 0 && !half {
            *target = *block;
            to += count;
            continue;
        }
        let first = quotes & (parity(quotes) ^ if half { u64::MAX } else { 0 });
        if (first << 1 | u64::from(half)) & !quotes & valid != 0 {
            return Err(stray(field, quote));
        }
        // The first of two quotes is overwritten by the second.
        let mut kept = 0;
        for (i, &byte) in block[..count].iter().enumerate() {
            target[kept % BLOCK] = byte;
            kept += usize::from(first >> i & 1 == 0);
        }
        to += kept;
        half = first >> (count - 1) & 1 == 1;
    }
    if half { Err(stray(field, quote)) } else { Ok(to) }
}

/// Where the quoted field goes on behind its closing quote.
fn stray(field: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(found) = field.get(at..).and_then(|rest| memchr::memchr(quote, rest)) {
        at += found + 1;
        if field.get(at) != Some(&quote) {
            return at;
        }
        at += 1;
    }
    field.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unquoted(field: &str) -> Result<String, usize> {
        let mut out = b"before".to_vec();
        unquote(field.as_bytes(), b'"', &mut out)
            .inspect_err(|_| assert_eq!(out, b"before"))
            .map(|()| String::from_utf8(out[6..].to_vec()).unwrap())
    }

    #[test]
    fn a_field_must_end_with_its_quote() {
        assert_eq!(unquoted("\"\""), Ok(String::new()));
        assert_eq!(unquoted("\"a\"\"b\""), Ok("a\"b".to_owned()));
        assert_eq!(unquoted("\""), Err(1));
        assert_eq!(unquoted("\"abc"), Err(4));
        assert_eq!(unquoted("\"a\"b"), Err(3));
        assert_eq!(unquoted("\"a\"b\""), Err(3));
        assert_eq!(unquoted("\"a\"\""), Err(4));
        assert_eq!(unquoted("\"\"\""), Err(3));
    }

    #[test]
    fn records_and_fields_are_found() {
        let data = b"1,\"a,\n\"\r\n\r\n\n2,b\r\n3\n4,5,6,7\n8,";
        let table = Table::read(data, &Dialect::default(), 2);
        assert_eq!(table.starts(), [0, 12, 27]);
        let text = |(a, b): (usize, usize)| std::str::from_utf8(&data[a..b]).unwrap();
        assert_eq!(table.fields(0).map(text).collect::<Vec<_>>(), ["1", "2", "8"]);
        assert_eq!(table.fields(1).map(text).collect::<Vec<_>>(), ["\"a,\n\"", "b", ""]);
        assert_eq!(
            table.misshapen(),
            [
                Misshapen { start: 17, end: 18, fields: 1, surplus: None, open: false },
                Misshapen { start: 19, end: 26, fields: 4, surplus: Some(23), open: false },
            ]
        );
        let table = Table::read(b"1,2\n3,\"4\r", &Dialect::default(), 2);
        assert_eq!(table.misshapen(), [Misshapen { start: 4, end: 9, fields: 2, surplus: None, open: true }]);
    }

    proptest! {
        #[test]
        fn quoting_is_undone(text in "[a\"\u{fc}]{0,200}") {
            prop_assert_eq!(unquoted(&format!("\"{}\"", text.replace('"', "\"\""))), Ok(text));
        }

        #[test]
        fn only_pairs_are_accepted(inner in "[a\"]{0,150}") {
            let pairs = inner.replace("\"\"", "");
            let result = unquoted(&format!("\"{inner}\""));
            prop_assert_eq!(result.is_ok(), !pairs.contains('"'));
        }
    }
}

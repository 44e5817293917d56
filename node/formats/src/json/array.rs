use memchr::memchr_iter;

use crate::{FormatError, Splitter};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Finds the ends of the elements of a file that is one JSON array.
///
/// A section ends right behind an element, and only once the comma behind it has been seen; the last one takes the
/// closing bracket and the white space behind it along. So a position at the very end of a file exists only if its
/// array was complete. A reader that starts at such a position uses [`ArraySplitter::resumed`].
#[derive(Debug, Default)]
pub struct ArraySplitter {
    place: Place,
    /// Bytes behind the last section that need not be looked at again.
    scanned: usize,
    /// End of the last whole element in them.
    whole: usize,
    /// Where the element being scanned begins.
    element: usize,
    scan: ElementScan,
    resumed: bool,
    started: bool,
    lines: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Before the opening bracket.
    #[default]
    Start,
    /// Behind the opening bracket.
    Opened,
    /// Behind a comma.
    Comma,
    /// Inside an element.
    Element,
    /// Behind an element.
    Behind,
    /// Behind the closing bracket.
    Closed,
}

impl ArraySplitter {
    /// For the beginning of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// For the end of an earlier section.
    pub fn resumed() -> Self {
        Self { place: Place::Behind, resumed: true, ..Self::default() }
    }

    fn invalid(&self, data: &[u8], message: &str) -> FormatError {
        let line = 1 + self.lines + newlines(data.get(..self.scanned).unwrap_or_default());
        let message = format!("line {line}: {message}");
        FormatError::Invalid { format: "json array", message }
    }

    fn truncated(&self, data: &[u8]) -> FormatError {
        let (at, what) = match self.place {
            Place::Start => (0, "there is no array"),
            Place::Element => (self.element, "an element of the array is unfinished"),
            _ => (self.scanned, "the array is not closed"),
        };
        let line = 1 + self.lines + newlines(data.get(..at).unwrap_or_default());
        FormatError::Truncated { line, what }
    }

    /// Advances over one token of `rest`, the unseen bytes; nothing if they do not suffice.
    fn step(&mut self, data: &[u8], at_end: bool) -> Result<bool, FormatError> {
        if self.place == Place::Element {
            let element = data.get(self.element..).unwrap_or_default();
            let looked = self.scanned - self.element;
            let Some(length) = self.scan.end(element, looked) else {
                self.scanned = data.len();
                return Ok(false);
            };
            self.scanned = self.element + length;
            self.place = Place::Behind;
            return Ok(true);
        }
        if self.place == Place::Start && self.scanned == 0 {
            if data.len() < BOM.len() && BOM.starts_with(data) && !at_end {
                return Ok(false);
            }
            self.scanned += if data.starts_with(BOM) { BOM.len() } else { 0 };
        }
        let rest = data.get(self.scanned..).unwrap_or_default();
        let Some(skipped) = rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')) else {
            self.scanned = data.len();
            return Ok(false);
        };
        let end = self.scanned;
        self.scanned += skipped;
        let byte = rest.get(skipped).copied();
        self.place = match (self.place, byte) {
            (Place::Start, Some(b'[')) => Place::Opened,
            (Place::Start, _) => return Err(self.invalid(data, "the file does not begin with `[`")),
            (Place::Opened | Place::Behind, Some(b']')) => Place::Closed,
            (Place::Behind, Some(b',')) => {
                // White space between element and comma belongs to the next section, like the comma.
                self.whole = self.whole.max(end - trailing_white(data.get(..end).unwrap_or_default()));
                Place::Comma
            }
            (Place::Behind, _) => return Err(self.invalid(data, "expected `,` or `]` behind an element")),
            (Place::Opened | Place::Comma, Some(b',' | b']' | b'}')) => {
                return Err(self.invalid(data, "an element is missing"));
            }
            (Place::Closed, _) => return Err(self.invalid(data, "there is something behind the array")),
            (Place::Opened | Place::Comma | Place::Element, _) => {
                self.element = self.scanned;
                self.scan = ElementScan::default();
                self.place = Place::Element;
                return Ok(true);
            }
        };
        self.scanned += 1;
        Ok(true)
    }
}

impl Splitter for ArraySplitter {
    fn split(&mut self, data: &[u8], at_end: bool) -> Result<usize, FormatError> {
        if at_end && data.is_empty() && self.resumed && !self.started {
            return Ok(0);
        }
        self.started |= !data.is_empty();
        while self.scanned < data.len() {
            if !self.step(data, at_end)? {
                break;
            }
        }
        let end = match (at_end, self.place) {
            (true, Place::Closed) => data.len(),
            (true, _) => return Err(self.truncated(data)),
            (false, _) => self.whole,
        };
        self.lines += newlines(data.get(..end).unwrap_or_default());
        self.scanned = self.scanned.saturating_sub(end);
        self.element = self.element.saturating_sub(end);
        self.whole = 0;
        Ok(end)
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

fn trailing_white(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// Finds where a value ends by its brackets and strings alone; whether it is JSON is for the decoder to say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ElementScan {
    depth: usize,
    string: bool,
    escape: bool,
}

impl ElementScan {
    /// The length of the value that `data` begins with; `looked` bytes of it have been seen by earlier calls.
    pub fn end(&mut self, data: &[u8], looked: usize) -> Option<usize> {
        let mut at = looked;
        while let Some(&byte) = data.get(at) {
            if self.string {
                if self.escape {
                    self.escape = false;
                } else if byte == b'\\' {
                    self.escape = true;
                } else if byte == b'"' {
                    self.string = false;
                } else {
                    let rest = data.get(at..).unwrap_or_default();
                    at += memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    continue;
                }
            } else {
                match byte {
                    b'"' => self.string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' if self.depth == 0 => return Some(at),
                    b'}' | b']' => {
                        self.depth -= 1;
                        if self.depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    b',' if self.depth == 0 => return Some(at),
                    _ => {}
                }
            }
            at += 1;
        }
        None
    }
}

use super::cursor::Cursor;
use super::fault::{Fallible, Fault};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Index of the first quote, backslash or control byte at or behind `from`; the length if there is none.
#[inline]
pub(super) fn find_special(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        // A borrow can only make a byte above a true hit look like one, so the lowest hit is always true.
        let hits = (word.wrapping_sub(ONES * 0x20) & !word)
            | (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash);
        let hits = hits & HIGH;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\').unwrap_or(tail.len())
}

impl<'a> Cursor<'a> {
    /// Passes the string that begins here. Returns its content where it has no escapes; else appends the content to
    /// `unescaped` and returns `None`.
    #[inline]
    pub fn string(&mut self, unescaped: &mut Vec<u8>) -> Fallible<Option<&'a [u8]>> {
        let start = self.pos + 1;
        let end = find_special(self.bytes, start);
        if self.bytes.get(end) == Some(&b'"') {
            self.pos = end + 1;
            return Ok(Some(self.bytes.get(start..end).unwrap_or_default()));
        }
        self.escaped(start, end, unescaped).map(|()| None)
    }

    /// Passes the string that begins here.
    #[inline]
    pub fn skip_string(&mut self) -> Fallible<()> {
        let end = find_special(self.bytes, self.pos + 1);
        if self.bytes.get(end) == Some(&b'"') {
            self.pos = end + 1;
            return Ok(());
        }
        self.escaped(self.pos + 1, end, &mut Vec::new())
    }

    fn escaped(&mut self, start: usize, stop: usize, out: &mut Vec<u8>) -> Fallible<()> {
        let mut run = start;
        let mut at = stop;
        loop {
            out.extend_from_slice(self.bytes.get(run..at).unwrap_or_default());
            match self.bytes.get(at) {
                None => return Err(Fault::ended(at, "a string")),
                Some(b'"') => {
                    self.pos = at + 1;
                    return Ok(());
                }
                Some(b'\\') => at = self.escape(at, out)?,
                Some(byte) => {
                    return Err(Fault::syntax(at, format!("control byte 0x{byte:02x} inside a string"))
                        .with_help("write it as an escape, such as \\n or \\u0001"));
                }
            }
            run = at;
            at = find_special(self.bytes, at);
        }
    }

    /// Appends the character that the escape at `at` stands for; returns the offset behind the escape.
    fn escape(&self, at: usize, out: &mut Vec<u8>) -> Fallible<usize> {
        let Some(&letter) = self.bytes.get(at + 1) else {
            return Err(Fault::ended(at + 1, "a string"));
        };
        let plain = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode_escape(at, out),
            _ => return Err(Fault::syntax(at, "unknown escape in a string")),
        };
        out.push(plain);
        Ok(at + 2)
    }

    fn unicode_escape(&self, at: usize, out: &mut Vec<u8>) -> Fallible<usize> {
        let first = self.hex4(at + 2)?;
        let (code, end) = if (0xd800..0xdc00).contains(&first) {
            match self.bytes.get(at + 6..).unwrap_or_default() {
                [b'\\', b'u', ..] => {}
                [] | [b'\\'] => return Err(Fault::ended(self.bytes.len(), "a string")),
                _ => return Err(lone_surrogate(at)),
            }
            let second = self.hex4(at + 8)?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(lone_surrogate(at));
            }
            (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), at + 12)
        } else {
            (first, at + 6)
        };
        let character = char::from_u32(code).ok_or_else(|| lone_surrogate(at))?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(end)
    }

    fn hex4(&self, at: usize) -> Fallible<u32> {
        let mut value = 0;
        for offset in at..at + 4 {
            let Some(&byte) = self.bytes.get(offset) else {
                return Err(Fault::ended(offset, "a string"));
            };
            let digit = (byte as char)
                .to_digit(16)
                .ok_or_else(|| Fault::syntax(offset, "\\u needs four hexadecimal digits"))?;
            value = value * 16 + digit;
        }
        Ok(value)
    }
}

#[cold]
fn lone_surrogate(at: usize) -> Box<Fault> {
    Fault::new("json_surrogate", at, "half of a surrogate pair in a string is not a character")
        .with_help("the text was cut inside a character where it was produced")
}

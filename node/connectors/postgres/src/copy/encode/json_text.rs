use super::fault::{Fault, Outcome, snippet};
use super::number::Number;
use super::numeric::Digits;

/// Levels at most. The server reads documents recursively, and its default stack ends somewhere above.
const MOST_LEVELS: usize = 5_000;

/// Bytes of a string or a key in `jsonb` (`JENTRY_OFFLENMASK` of PostgreSQL's `jsonb.h`).
const LONGEST_STRING: usize = 0x0fff_ffff;

const HELP: &str = "write a JSON document, or make the table's column `text`";

/// Checks that a text is one JSON document (RFC 8259) that the server takes: for `jsonb` without the character NUL,
/// without halves of surrogate pairs, and with numbers within `numeric`.
pub(super) fn check_json(text: &str, jsonb: bool) -> Outcome {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, jsonb };
    scanner.document().map_err(|wrong| match wrong {
        Wrong::Form => Fault::new(
            "invalid_json",
            format!("`{}` is not JSON, see byte {}", snippet(text), scanner.at),
            HELP,
        ),
        Wrong::Nul => Fault::nul(scanner.at),
        Wrong::Depth => Fault::new(
            "json_too_deep",
            format!("the document has more than {MOST_LEVELS} levels"),
            "flatten it, or make the table's column `text`",
        ),
        Wrong::Surrogate => Fault::new(
            "invalid_json",
            format!(
                "the escape before byte {} is half of a surrogate pair, which jsonb cannot hold",
                scanner.at
            ),
            "make the table's column `json`",
        ),
        Wrong::Number => Fault::new(
            "out_of_range",
            format!("the number before byte {} has more digits than jsonb holds", scanner.at),
            "make the table's column `json`",
        ),
        Wrong::Long => Fault::new(
            "too_large",
            format!(
                "the string before byte {} has more than {LONGEST_STRING} bytes, which jsonb cannot hold",
                scanner.at
            ),
            "make the table's column `json`",
        ),
    })
}

/// What is wrong at the scanner's place.
enum Wrong {
    Form,
    Nul,
    Depth,
    Surrogate,
    Number,
    Long,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    jsonb: bool,
}

/// The open objects (1) and arrays (0), 64 to a word; no allocation for up to 64.
#[derive(Default)]
struct Levels {
    innermost: u64,
    outer: Vec<u64>,
    depth: usize,
}

impl Levels {
    fn push(&mut self, object: bool) -> Result<(), Wrong> {
        if self.depth == MOST_LEVELS {
            return Err(Wrong::Depth);
        }
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.innermost);
        }
        self.innermost = self.innermost << 1 | u64::from(object);
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.innermost = match self.outer.pop_if(|_| self.depth > 0 && self.depth.is_multiple_of(64)) {
            Some(outer) => outer,
            None => self.innermost >> 1,
        };
    }

    fn in_object(&self) -> bool {
        self.innermost & 1 == 1
    }
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Wrong> {
        let mut levels = Levels::default();
        loop {
            let closed = match self.token() {
                Some(b'{') => {
                    self.at += 1;
                    levels.push(true)?;
                    if self.token() != Some(b'}') {
                        self.key()?;
                        continue;
                    }
                    true
                }
                Some(b'[') => {
                    self.at += 1;
                    levels.push(false)?;
                    if self.token() != Some(b']') {
                        continue;
                    }
                    true
                }
                _ => {
                    self.scalar()?;
                    false
                }
            };
            if closed {
                self.at += 1;
                levels.pop();
            }
            // Behind a value, until there has to be another one.
            loop {
                if levels.depth == 0 {
                    return if self.token().is_none() { Ok(()) } else { Err(Wrong::Form) };
                }
                match (self.token(), levels.in_object()) {
                    (Some(b','), object) => {
                        self.at += 1;
                        if object {
                            self.token();
                            self.key()?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        levels.pop();
                    }
                    _ => return Err(Wrong::Form),
                }
            }
        }
    }

    /// The next byte that is not white space.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    fn key(&mut self) -> Result<(), Wrong> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.form());
        }
        self.string()?;
        if self.token() != Some(b':') {
            return Err(self.form());
        }
        self.at += 1;
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), Wrong> {
        match self.bytes.get(self.at) {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(self.form()),
        }
    }

    /// What a byte that does not belong here means.
    fn form(&self) -> Wrong {
        if self.bytes.get(self.at) == Some(&0) { Wrong::Nul } else { Wrong::Form }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Wrong> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(Wrong::Form);
        }
        self.at += word.len();
        Ok(())
    }

    fn string(&mut self) -> Result<(), Wrong> {
        self.at += 1;
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let run = rest.iter().take_while(|byte| is_plain(**byte)).count();
            self.at += run;
            match rest.get(run..) {
                Some([b'"', ..]) => break,
                Some([b'\\', b'u', ..]) => self.unicode()?,
                Some([b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..]) => self.at += 2,
                _ => return Err(self.form()),
            }
        }
        if self.jsonb && self.at - start > LONGEST_STRING {
            return Err(Wrong::Long);
        }
        self.at += 1;
        Ok(())
    }

    /// An escape `\u0041`, or two that make a pair.
    fn unicode(&mut self) -> Result<(), Wrong> {
        let first = self.four_digits()?;
        if !self.jsonb {
            return Ok(());
        }
        match first {
            0 => Err(Wrong::Nul),
            0xd800..0xdc00 => {
                if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u")) {
                    return Err(Wrong::Surrogate);
                }
                match self.four_digits()? {
                    0xdc00..0xe000 => Ok(()),
                    _ => Err(Wrong::Surrogate),
                }
            }
            0xdc00..0xe000 => Err(Wrong::Surrogate),
            _ => Ok(()),
        }
    }

    fn four_digits(&mut self) -> Result<u32, Wrong> {
        let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or(Wrong::Form)?;
        let value = digits
            .iter()
            .try_fold(0, |value, digit| char::from(*digit).to_digit(16).map(|digit| value * 16 + digit));
        self.at += 6;
        value.ok_or(Wrong::Form)
    }

    fn digits(&mut self) -> Result<usize, Wrong> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.form()) } else { Ok(count) }
    }

    fn number(&mut self) -> Result<(), Wrong> {
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let zero = self.bytes.get(self.at) == Some(&b'0');
        if self.digits()? > 1 && zero {
            return Err(Wrong::Form);
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        let mut exponent = false;
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            exponent = true;
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        // Without an exponent it takes that many characters to be too large.
        if self.jsonb && (exponent || self.at - start > 16_000) {
            let number = self.bytes.get(start..self.at).and_then(Number::parse);
            if !number.is_some_and(|number| Digits::UNLIMITED.hold(&number)) {
                return Err(Wrong::Number);
            }
        }
        Ok(())
    }
}

/// Whether a byte stands for itself inside a string.
#[inline]
fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

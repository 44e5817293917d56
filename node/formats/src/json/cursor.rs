use super::fault::{Fallible, Fault};

/// Deepest nesting of objects and arrays, the record itself included.
pub(super) const MAX_DEPTH: usize = 128;

/// A place in the text of one record (or of a run of array elements).
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub pos: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pos: 0, depth: 0 }
    }

    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    /// The bytes from here on.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    /// The bytes from `start` to here.
    #[inline]
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.pos).unwrap_or_default()
    }

    /// Passes over white space and returns the byte behind it.
    #[inline]
    pub fn next_token(&mut self) -> Option<u8> {
        loop {
            let byte = self.peek()?;
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.pos += 1;
        }
    }

    /// Enters an object or array, whose opening byte is here.
    #[inline]
    pub fn enter(&mut self) -> Fallible<()> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault::new(
                "json_depth",
                self.pos,
                format!("nested more than {MAX_DEPTH} levels deep"),
            )
            .with_help("flatten the record where it is produced"));
        }
        self.depth += 1;
        self.pos += 1;
        Ok(())
    }

    /// Leaves an object or array, whose closing byte is here.
    #[inline]
    pub fn leave(&mut self) {
        self.depth -= 1;
        self.pos += 1;
    }

    /// Passes the colon between key and value, and white space around it.
    #[inline]
    pub fn colon(&mut self) -> Fallible<()> {
        match self.next_token() {
            Some(b':') => {
                self.pos += 1;
                self.next_token();
                Ok(())
            }
            Some(_) => Err(self.unexpected("a colon")),
            None => Err(Fault::ended(self.pos, "an object")),
        }
    }

    /// Passes a comma or the closing byte; returns whether a comma was passed.
    #[inline]
    pub fn comma_or(&mut self, close: u8, inside: &str) -> Fallible<bool> {
        match self.next_token() {
            Some(b',') => {
                self.pos += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.leave();
                Ok(false)
            }
            Some(_) => {
                let expected = if close == b'}' { "a comma or `}`" } else { "a comma or `]`" };
                Err(self.unexpected(expected))
            }
            None => Err(Fault::ended(self.pos, inside)),
        }
    }

    /// Passes a word such as `true`.
    #[inline]
    pub fn literal(&mut self, word: &'static str) -> Fallible<()> {
        if self.rest().starts_with(word.as_bytes()) {
            self.pos += word.len();
            return Ok(());
        }
        if word.as_bytes().starts_with(self.rest()) {
            return Err(Fault::ended(self.bytes.len(), word));
        }
        Err(self.unexpected("a value"))
    }

    /// A fault at this place.
    #[cold]
    pub fn unexpected(&self, expected: &str) -> Box<Fault> {
        let Some(byte) = self.peek() else {
            return Fault::ended(self.pos, "a value");
        };
        let found = match byte {
            b'!'..=b'~' => format!("`{}`", byte as char),
            byte => format!("byte 0x{byte:02x}"),
        };
        let word = [&b"NaN"[..], b"Infinity", b"-Infinity"].into_iter().find(|w| self.rest().starts_with(w));
        match word {
            Some(word) => Fault::syntax(self.pos, format!("`{}` is not JSON", String::from_utf8_lossy(word)))
                .with_help("write null, or a string, where the data is produced"),
            None => Fault::syntax(self.pos, format!("expected {expected}, found {found}")),
        }
    }
}

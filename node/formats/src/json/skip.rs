use std::collections::HashSet;

use super::cursor::Cursor;
use super::fault::{Fallible, Fault, snippet};

/// Keys of an object are compared with one another up to this number, hashed above it.
const FEW_KEYS: usize = 16;

impl Cursor<'_> {
    /// Passes one value of any type and checks it as strictly as if it were decoded.
    pub fn skip_value(&mut self) -> Fallible<()> {
        match self.next_token() {
            Some(b'"') => self.skip_string(),
            Some(b'{') => self.skip_object(),
            Some(b'[') => self.skip_array(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            Some(_) => Err(self.unexpected("a value")),
            None => Err(Fault::ended(self.pos, "a value")),
        }
    }

    fn skip_array(&mut self) -> Fallible<()> {
        self.enter()?;
        if self.next_token() == Some(b']') {
            self.leave();
            return Ok(());
        }
        let mut index = 0;
        loop {
            self.skip_value().map_err(|fault| fault.inside(&format!("[{index}]")))?;
            if !self.comma_or(b']', "an array")? {
                return Ok(());
            }
            index += 1;
        }
    }

    fn skip_object(&mut self) -> Fallible<()> {
        self.enter()?;
        if self.next_token() == Some(b'}') {
            self.leave();
            return Ok(());
        }
        let mut keys = Keys::default();
        loop {
            let start = self.pos;
            keys.pass(self)?;
            self.colon()?;
            self.skip_value().map_err(|fault| fault.inside(&snippet(&self.key_at(start))))?;
            if !self.comma_or(b'}', "an object")? {
                return Ok(());
            }
            self.next_token();
        }
    }

    /// The key of which the opening quote is at `start`.
    fn key_at(&self, start: usize) -> Vec<u8> {
        let mut key = Cursor::new(self.bytes);
        key.pos = start;
        let mut owned = Vec::new();
        match key.string(&mut owned) {
            Ok(Some(plain)) => plain.to_vec(),
            Ok(None) => owned,
            Err(_) => Vec::new(),
        }
    }
}

/// The keys of one object seen so far.
struct Keys<'a> {
    few: [&'a [u8]; FEW_KEYS],
    count: usize,
    many: HashSet<Vec<u8>>,
    hashed: bool,
}

impl Default for Keys<'_> {
    fn default() -> Self {
        Self { few: [&[]; FEW_KEYS], count: 0, many: HashSet::new(), hashed: false }
    }
}

impl<'a> Keys<'a> {
    /// Passes the key at the cursor; a key seen before is a fault.
    #[inline]
    fn pass(&mut self, cursor: &mut Cursor<'a>) -> Fallible<()> {
        let start = cursor.pos;
        if cursor.peek() != Some(b'"') {
            return Err(cursor.unexpected("a key in quotes"));
        }
        let mut owned = Vec::new();
        let plain = cursor.string(&mut owned)?;
        if !self.hashed
            && let Some(key) = plain
            && let Some(slot) = self.few.get_mut(self.count)
        {
            *slot = key;
            let seen = self.few.get(..self.count).unwrap_or_default();
            if seen.contains(&key) {
                return Err(duplicate_key(start, key));
            }
            self.count += 1;
            return Ok(());
        }
        if !self.hashed {
            self.hashed = true;
            self.many.extend(self.few.iter().take(self.count).map(|key| key.to_vec()));
        }
        let key = plain.map_or(owned, <[u8]>::to_vec);
        if self.many.contains(&key) {
            return Err(duplicate_key(start, &key));
        }
        self.many.insert(key);
        Ok(())
    }
}

#[cold]
pub(super) fn duplicate_key(at: usize, key: &[u8]) -> Box<Fault> {
    Fault::new("json_duplicate_key", at, format!("the key `{}` appears twice in one object", snippet(key)))
        .with_help("which value counts is not defined; remove one where the data is produced")
        .inside(&snippet(key))
}

use crate::failure::Failure;
use crate::strings;
use crate::value::Value;

/// Most values that one row may hold in lists and maps, one inside another.
const ROW: usize = 1 << 21;
/// Most values that the rows of a batch may hold in lists and maps.
const BATCH: usize = 1 << 24;

/// What the rows of one column have taken so far: text, whose offsets are 32 bits wide, and values in lists and maps,
/// of which an expression could otherwise make exponentially many.
#[derive(Debug, Default)]
pub(crate) struct Room {
    bytes: usize,
    values: usize,
}

impl Room {
    /// Lets a row's value in, if there is room for it.
    pub fn take(&mut self, value: Value) -> Result<Value, Failure> {
        match &value {
            Value::String(text) => self.text(text.len())?,
            Value::Bytes(bytes) => self.text(bytes.len())?,
            Value::List(_) | Value::Map(_) => {
                let most = ROW.min(BATCH - self.values);
                let mut left = most;
                if !count(&value, &mut left) {
                    return Err(Failure::new("too_long", "the lists of the batch have too many elements"));
                }
                self.values += most - left;
            }
            _ => {}
        }
        Ok(value)
    }

    /// Lets a list of so many texts in, with the bytes of all of them.
    pub fn list(&mut self, items: usize, bytes: usize) -> Result<(), Failure> {
        if items > ROW || self.values + items > BATCH {
            return Err(Failure::new("too_long", "the lists of the batch have too many elements"));
        }
        self.values += items;
        self.text(bytes)
    }

    /// Lets a text of so many bytes in.
    pub fn text(&mut self, length: usize) -> Result<(), Failure> {
        if !strings::has_room(self.bytes, length) {
            return Err(Failure::new("too_long", "the texts of the batch are too long"));
        }
        self.bytes += length;
        Ok(())
    }
}

/// Takes the values inside off what is left; false when there are more.
fn count(value: &Value, left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    match value {
        Value::List(items) => items.iter().all(|item| count(item, left)),
        Value::Map(entries) => entries.iter().all(|(key, value)| count(key, left) && count(value, left)),
        _ => true,
    }
}

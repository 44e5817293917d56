use std::collections::HashMap;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Fields};

use crate::FormatError;

use super::column::Column;
use super::cursor::Cursor;
use super::fault::{Fallible, snippet};
use super::options::Nested;
use super::skip::duplicate_key;

/// Fields found in the data that one object may have before it counts as a dictionary and not as a structure.
const MAX_FOUND: usize = 1024;
/// Nulls that may stand in found fields for each value present, and for free.
const PADDING_FACTOR: usize = 16;
const PADDING_FREE: usize = 4096;
/// Fields behind the predicted one that are tried before the index is asked.
const LOOK_AHEAD: usize = 4;

/// The fields of a record or of a nested object.
#[derive(Debug, Default)]
pub(super) struct Object {
    fields: Vec<Child>,
    index: HashMap<Vec<u8>, usize>,
    /// Fields that were expected; the others were found in the data.
    expected: usize,
    /// Values appended.
    cells: usize,
}

#[derive(Debug)]
struct Child {
    name: String,
    /// The name in quotes as all writers spell it; `None` where it needs escapes, which have several spellings.
    quoted: Option<Vec<u8>>,
    column: Column,
    /// Row that brought the field, if a record did.
    born: Option<usize>,
}

impl Object {
    /// An object of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// An object with known fields; `declared` tells by name which types the user chose.
    pub fn expected(fields: &Fields, declared: impl Fn(&str) -> bool) -> Result<Self, FormatError> {
        let mut object = Self::new();
        for field in fields {
            let column = Column::expected(field, declared(field.name()))?;
            if object.index.contains_key(field.name().as_bytes()) {
                let message = format!("two columns are called `{}`", field.name());
                return Err(FormatError::Invalid { format: "json schema", message });
            }
            object.add(field.name().clone(), column, None);
        }
        object.expected = object.fields.len();
        Ok(object)
    }

    fn add(&mut self, name: String, column: Column, born: Option<usize>) -> usize {
        let at = self.fields.len();
        self.index.insert(name.clone().into_bytes(), at);
        let plain = super::string::find_special(name.as_bytes(), 0) == name.len();
        let quoted = plain.then(|| format!("\"{name}\"").into_bytes());
        self.fields.push(Child { name, quoted, column, born });
        at
    }

    /// Whether it has no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether found fields hold far more nulls than values, or are too many.
    pub fn is_sparse(&self, rows: usize) -> bool {
        let found = self.fields.len() - self.expected;
        found > 0
            && (found > MAX_FOUND
                || found.saturating_mul(rows) > self.cells.saturating_mul(PADDING_FACTOR) + PADDING_FREE)
    }

    /// Appends the object at the cursor as row `row`. Returns false when it has become sparse.
    #[inline]
    pub fn append(&mut self, cursor: &mut Cursor<'_>, row: usize, nested: Nested) -> Fallible<bool> {
        cursor.enter()?;
        if cursor.next_token() == Some(b'}') {
            cursor.leave();
            return Ok(true);
        }
        let mut predicted = 0;
        loop {
            let start = cursor.pos;
            let at = match self.predict(cursor, predicted) {
                Some(at) => at,
                None => self.look_up(cursor, row)?,
            };
            let Some(child) = self.fields.get_mut(at) else {
                // `predict` and `look_up` return indexes of `fields`.
                return Err(cursor.unexpected("a known field"));
            };
            if child.column.len() > row {
                return Err(duplicate_key(start, child.name.as_bytes()));
            }
            if cursor.rest().first() == Some(&b':') {
                cursor.pos += 1;
                cursor.next_token();
            } else {
                cursor.colon()?;
            }
            if let Err(fault) = child.column.append(cursor, row, nested) {
                return Err(fault.inside(&snippet(child.name.as_bytes())));
            }
            self.cells += 1;
            predicted = at + 1;
            if !cursor.comma_or(b'}', "an object")? {
                break;
            }
            cursor.next_token();
        }
        Ok(self.fields.len() == self.expected || !self.is_sparse(row + 1))
    }

    /// Passes the key at the cursor if it is the predicted field or one of the next.
    #[inline]
    fn predict(&self, cursor: &mut Cursor<'_>, predicted: usize) -> Option<usize> {
        let rest = cursor.rest();
        let fields = self.fields.get(predicted..)?;
        for (ahead, child) in fields.iter().take(LOOK_AHEAD).enumerate() {
            if let Some(quoted) = &child.quoted
                && rest.starts_with(quoted)
            {
                cursor.pos += quoted.len();
                return Some(predicted + ahead);
            }
        }
        None
    }

    /// Passes the key at the cursor; a new one becomes a field.
    fn look_up(&mut self, cursor: &mut Cursor<'_>, row: usize) -> Fallible<usize> {
        if cursor.peek() != Some(b'"') {
            return Err(cursor.unexpected("a key in quotes"));
        }
        let mut unescaped = Vec::new();
        let key = cursor.string(&mut unescaped)?.unwrap_or(&unescaped);
        if let Some(&at) = self.index.get(key) {
            return Ok(at);
        }
        // The decoder has checked the record to be UTF-8, so nothing is replaced.
        let name = String::from_utf8_lossy(key).into_owned();
        Ok(self.add(name, Column::unknown(), Some(row)))
    }

    /// Makes room for `total` rows, expecting the rest to be like the first `rows`; not where most fields are absent,
    /// since the room could then be many times the size of the text.
    pub fn reserve(&mut self, rows: usize, total: usize) {
        if self.cells < self.fields.len().saturating_mul(rows) / 2 {
            return;
        }
        for child in &mut self.fields {
            child.column.reserve(total);
        }
    }

    /// Forgets everything from row `len` on, also the fields that only came there.
    pub fn truncate(&mut self, len: usize) {
        while let Some(child) = self.fields.pop_if(|child| child.born.is_some_and(|row| row >= len)) {
            self.index.remove(child.name.as_bytes());
        }
        for child in &mut self.fields {
            child.column.truncate(len);
        }
    }

    /// Whether some value could not be held.
    pub fn conflicts(&self) -> bool {
        self.fields.iter().any(|child| child.column.conflicts())
    }

    /// Empties all fields for a second pass over the same records.
    pub fn restart(&mut self) {
        self.cells = 0;
        for child in &mut self.fields {
            child.born = None;
            child.column.restart();
        }
    }

    /// The fields and their `rows` values. `like` is what the object was expected to be.
    pub fn finish(self, rows: usize, like: Option<&Field>) -> Result<(Fields, Vec<ArrayRef>), FormatError> {
        let known = match like.map(Field::data_type) {
            Some(DataType::Struct(fields)) => fields.clone(),
            _ => Fields::empty(),
        };
        self.finish_like(rows, &known)
    }

    /// As [`Object::finish`], with the fields expected first.
    pub fn finish_like(self, rows: usize, known: &Fields) -> Result<(Fields, Vec<ArrayRef>), FormatError> {
        let mut fields = Vec::with_capacity(self.fields.len());
        let mut arrays = Vec::with_capacity(self.fields.len());
        for (at, child) in self.fields.into_iter().enumerate() {
            let (field, array) = child.column.finish(&child.name, rows, known.get(at).map(AsRef::as_ref))?;
            fields.push(field);
            arrays.push(array);
        }
        Ok((Fields::from(fields), arrays))
    }
}

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, NullBufferBuilder, StringArray,
    StructArray,
};
use arrow::buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use etl_model::{is_json, json_field};

use crate::FormatError;

use super::bytes::Texts;
use super::cursor::Cursor;
use super::fault::{Fallible, Fault, snippet};
use super::leaf::Leaf;
use super::number::{EXACT_INTEGER, Number};
use super::object::Object;
use super::options::Nested;

/// One column in the making. Grows lazily: rows that nothing was appended for are null.
#[derive(Debug)]
pub(super) struct Column {
    kind: Kind,
    nulls: NullBufferBuilder,
    /// Rows so far, the length of `nulls`.
    rows: usize,
    /// Whether the user chose the type: a value that does not fit is then the record's fault.
    declared: bool,
    /// Row whose value gave the column its type, or widened it to `Float`, or fits no type but JSON. What a record
    /// that turns out malformed has done to the column is undone by these.
    typed_at: Option<usize>,
    widened_at: Option<usize>,
    conflict_at: Option<usize>,
}

#[derive(Debug)]
enum Kind {
    /// Nothing but nulls so far.
    Unknown,
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Text(Texts),
    Json(Texts),
    Object(Box<Object>),
    List {
        offsets: Vec<i32>,
        item: Box<Column>,
        item_name: String,
    },
    Leaf(Leaf),
}

impl Column {
    /// A column of which nothing is known.
    pub fn unknown() -> Self {
        Self::of(Kind::Unknown, false)
    }

    fn of(kind: Kind, declared: bool) -> Self {
        let nulls = NullBufferBuilder::new(0);
        Self { kind, nulls, rows: 0, declared, typed_at: None, widened_at: None, conflict_at: None }
    }

    /// A column of a known type; `declared` if the user chose it.
    pub fn expected(field: &Field, declared: bool) -> Result<Self, FormatError> {
        let kind = match field.data_type() {
            _ if is_json(field) && field.data_type() == &DataType::Utf8 => Kind::Json(Texts::new()),
            DataType::Null => Kind::Unknown,
            DataType::Boolean => Kind::Bool(Vec::new()),
            DataType::Int64 => Kind::Int(Vec::new()),
            DataType::Float64 => Kind::Float(Vec::new()),
            DataType::Utf8 => Kind::Text(Texts::new()),
            DataType::Struct(fields) => Kind::Object(Box::new(Object::expected(fields, |_| declared)?)),
            DataType::List(item) => Kind::List {
                offsets: vec![0],
                item: Box::new(Self::expected(item, declared)?),
                item_name: item.name().clone(),
            },
            other => Kind::Leaf(Leaf::new(other).ok_or_else(|| FormatError::Unsupported {
                format: "json",
                column: field.name().clone(),
                data_type: other.to_string(),
            })?),
        };
        Ok(Self::of(kind, declared))
    }

    /// Rows so far.
    #[inline]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Makes room for `total` rows, expecting the rest to be like those so far.
    pub fn reserve(&mut self, total: usize) {
        let rows = self.rows.max(1);
        let more = total.saturating_sub(rows);
        match &mut self.kind {
            Kind::Unknown | Kind::Leaf(_) => {}
            Kind::Bool(values) => values.reserve(more),
            Kind::Int(values) => values.reserve(more),
            Kind::Float(values) => values.reserve(more),
            Kind::Text(texts) | Kind::Json(texts) => texts.reserve(rows, total),
            Kind::Object(object) => object.reserve(rows, total),
            Kind::List { offsets, item, .. } => {
                offsets.reserve(more);
                let items = item.len() as u128 * total as u128 / rows as u128;
                item.reserve(usize::try_from(items).unwrap_or_default());
            }
        }
    }

    /// Appends the value at the cursor as row `row`, after nulls for the rows between. A value that does not fit is a
    /// fault where the type is declared; else the column is marked for [`Column::restart`].
    #[inline]
    pub fn append(&mut self, cursor: &mut Cursor<'_>, row: usize, nested: Nested) -> Fallible<()> {
        if self.rows < row {
            self.pad(row - self.rows);
        }
        let Some(byte) = cursor.peek() else {
            return Err(Fault::ended(cursor.pos, "a value"));
        };
        if byte == b'n' {
            cursor.literal("null")?;
            self.pad(1);
            return Ok(());
        }
        let start = cursor.pos;
        match (&mut self.kind, byte) {
            (Kind::Text(texts), b'"') => {
                if let Some(text) = cursor.string(texts.open())? {
                    let end = cursor.pos - 1;
                    texts.push_run(cursor.bytes, end - text.len(), end);
                } else {
                    texts.close();
                }
            }
            (Kind::Int(values), b'-' | b'0'..=b'9') => match cursor.number()? {
                Number::Int(value) => values.push(value),
                other => return self.widen(cursor, start, row, other),
            },
            (Kind::Float(values), b'-' | b'0'..=b'9') => match cursor.number()? {
                Number::Float(value) => values.push(value),
                Number::Int(value) if exact(value) => values.push(value as f64),
                _ => return self.misfit(cursor, start, row),
            },
            (Kind::Bool(values), b't') => {
                cursor.literal("true")?;
                values.push(true);
            }
            (Kind::Bool(values), b'f') => {
                cursor.literal("false")?;
                values.push(false);
            }
            (Kind::Object(object), b'{') => {
                if !object.append(cursor, row, nested)? {
                    self.conflict_at.get_or_insert(row);
                }
            }
            (Kind::List { offsets, item, .. }, b'[') => {
                append_items(cursor, item, nested)?;
                // Items are at least two bytes of a record far below 2 GiB.
                offsets.push(item.len() as i32);
            }
            (Kind::Json(texts), _) => {
                cursor.skip_value()?;
                texts.push_run(cursor.bytes, start, cursor.pos);
            }
            (Kind::Leaf(leaf), _) => {
                if !leaf.append(cursor)? {
                    return self.misfit(cursor, start, row);
                }
            }
            (Kind::Unknown, _) => {
                let kind = first_kind(cursor, nested)?;
                cursor.pos = start;
                self.kind = kind;
                self.kind.pad(row);
                self.typed_at = Some(row);
                return self.append(cursor, row, nested);
            }
            _ => return self.misfit(cursor, start, row),
        }
        self.nulls.append_non_null();
        self.rows += 1;
        Ok(())
    }

    fn pad(&mut self, rows: usize) {
        self.kind.pad(rows);
        self.nulls.append_n_nulls(rows);
        self.rows += rows;
    }

    /// A number that is no `i64` in a column of integers: all become doubles if that changes none of them.
    #[cold]
    fn widen(&mut self, cursor: &mut Cursor<'_>, start: usize, row: usize, number: Number) -> Fallible<()> {
        if let (Kind::Int(values), Number::Float(value), false) = (&self.kind, number, self.declared)
            && values.iter().all(|&value| exact(value))
        {
            let mut floats: Vec<f64> = values.iter().map(|&value| value as f64).collect();
            floats.push(value);
            self.kind = Kind::Float(floats);
            self.widened_at = Some(row);
            self.nulls.append_non_null();
            self.rows += 1;
            return Ok(());
        }
        self.misfit(cursor, start, row)
    }

    /// Passes the value at `start`, which the column cannot hold.
    #[cold]
    fn misfit(&mut self, cursor: &mut Cursor<'_>, start: usize, row: usize) -> Fallible<()> {
        cursor.pos = start;
        cursor.skip_value()?;
        if self.declared {
            let value = snippet(cursor.since(start));
            let message = format!("{value} is not {}", self.kind.words());
            return Err(Fault::new("json_type", start, message).with_help(
                "correct the value, or declare the column as `json` or leave its type undeclared",
            ));
        }
        self.conflict_at.get_or_insert(row);
        self.pad(1);
        Ok(())
    }

    /// Forgets everything from row `len` on, also a value begun and not finished and what became of the type.
    pub fn truncate(&mut self, len: usize) {
        self.nulls.truncate(len);
        self.rows = self.nulls.len();
        let undo = |at: &mut Option<usize>| at.take_if(|row| *row >= len).is_some();
        undo(&mut self.conflict_at);
        if undo(&mut self.typed_at) {
            self.widened_at = None;
            self.kind = Kind::Unknown;
            return;
        }
        self.kind.truncate(len);
        if undo(&mut self.widened_at)
            && let Kind::Float(values) = &self.kind
        {
            self.kind = Kind::Int(values.iter().map(|&value| value as i64).collect());
        }
    }

    /// Whether some value could not be held.
    pub fn conflicts(&self) -> bool {
        self.conflict_at.is_some()
            || match &self.kind {
                Kind::Object(object) => object.conflicts(),
                Kind::List { item, .. } => item.conflicts(),
                _ => false,
            }
    }

    /// Empties the column for a second pass over the same records, with the types found in the first.
    pub fn restart(&mut self) {
        self.nulls = NullBufferBuilder::new(0);
        self.rows = 0;
        self.typed_at = None;
        self.widened_at = None;
        if self.conflict_at.take().is_some() {
            self.kind = Kind::Json(Texts::new());
        } else {
            self.kind.restart();
        }
    }

    /// The column with `rows` rows. `like` is the field it was expected to be.
    pub fn finish(
        mut self,
        name: &str,
        rows: usize,
        like: Option<&Field>,
    ) -> Result<(Field, ArrayRef), FormatError> {
        if self.len() < rows {
            self.pad(rows - self.len());
        }
        let nulls = self.nulls.finish();
        let (mut field, array): (Field, ArrayRef) = match self.kind {
            Kind::Unknown => (json_field(name, true), Arc::new(StringArray::new_null(rows))),
            Kind::Bool(values) => (
                Field::new(name, DataType::Boolean, true),
                Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls)),
            ),
            Kind::Int(values) => (
                Field::new(name, DataType::Int64, true),
                Arc::new(Int64Array::new(ScalarBuffer::from(values), nulls)),
            ),
            Kind::Float(values) => (
                Field::new(name, DataType::Float64, true),
                Arc::new(Float64Array::new(ScalarBuffer::from(values), nulls)),
            ),
            Kind::Text(texts) => (Field::new(name, DataType::Utf8, true), Arc::new(texts.into_array(nulls)?)),
            Kind::Json(texts) => (json_field(name, true), Arc::new(texts.into_array(nulls)?)),
            Kind::Object(object) if object.is_empty() => {
                let text = |row| nulls.as_ref().is_none_or(|n| n.is_valid(row)).then_some("{}");
                let array: StringArray = (0..rows).map(text).collect();
                (json_field(name, true), Arc::new(array))
            }
            Kind::Object(object) => {
                let (fields, arrays) = object.finish(rows, like)?;
                let array = StructArray::try_new(fields, arrays, nulls)?;
                (Field::new(name, array.data_type().clone(), true), Arc::new(array))
            }
            Kind::List { offsets, item, item_name } => {
                let items = item.len();
                let like = like.and_then(|field| match field.data_type() {
                    DataType::List(item) => Some(item.as_ref()),
                    _ => None,
                });
                let (field, values) = item.finish(&item_name, items, like)?;
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                let array = ListArray::try_new(Arc::new(field), offsets, values, nulls)?;
                (Field::new(name, array.data_type().clone(), true), Arc::new(array))
            }
            Kind::Leaf(leaf) => {
                let array = leaf.finish(nulls)?;
                (Field::new(name, array.data_type().clone(), true), array)
            }
        };
        if let Some(like) = like
            && (like.data_type().equals_datatype(field.data_type()) && is_json(like) == is_json(&field))
        {
            field.set_metadata(like.metadata().clone());
        }
        Ok((field, array))
    }
}

impl Kind {
    /// Placeholders under nulls.
    #[inline]
    fn pad(&mut self, rows: usize) {
        match self {
            Self::Unknown | Self::Object(_) => {}
            Self::Bool(values) => values.resize(values.len() + rows, false),
            Self::Int(values) => values.resize(values.len() + rows, 0),
            Self::Float(values) => values.resize(values.len() + rows, 0.0),
            Self::Text(texts) | Self::Json(texts) => texts.pad(rows),
            Self::List { offsets, item, .. } => offsets.resize(offsets.len() + rows, item.len() as i32),
            Self::Leaf(leaf) => leaf.pad(rows),
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Unknown => {}
            Self::Bool(values) => values.truncate(rows),
            Self::Int(values) => values.truncate(rows),
            Self::Float(values) => values.truncate(rows),
            Self::Text(texts) | Self::Json(texts) => texts.truncate(rows),
            Self::Object(object) => object.truncate(rows),
            Self::List { offsets, item, .. } => {
                offsets.truncate(rows + 1);
                item.truncate(offsets.last().map_or(0, |&end| end as usize));
            }
            Self::Leaf(leaf) => leaf.truncate(rows),
        }
    }

    fn restart(&mut self) {
        match self {
            Self::Object(object) => object.restart(),
            Self::List { offsets, item, .. } => {
                offsets.truncate(1);
                item.restart();
            }
            other => other.truncate(0),
        }
    }

    /// The type in words, with its article.
    fn words(&self) -> String {
        match self {
            Self::Unknown | Self::Json(_) => "JSON".to_owned(),
            Self::Bool(_) => "true or false".to_owned(),
            Self::Int(_) => "an integer of 64 bits".to_owned(),
            Self::Float(_) => "a number that a double can hold".to_owned(),
            Self::Text(_) => "a string".to_owned(),
            Self::Object(_) => "an object".to_owned(),
            Self::List { .. } => "an array".to_owned(),
            Self::Leaf(leaf) => leaf.words(),
        }
    }
}

#[inline]
fn exact(value: i64) -> bool {
    (-EXACT_INTEGER..=EXACT_INTEGER).contains(&value)
}

/// The kind for a column whose first value is at the cursor. Moves the cursor.
#[cold]
fn first_kind(cursor: &mut Cursor<'_>, nested: Nested) -> Fallible<Kind> {
    Ok(match (cursor.peek(), nested) {
        (Some(b'"'), _) => Kind::Text(Texts::new()),
        (Some(b't' | b'f'), _) => Kind::Bool(Vec::new()),
        (Some(b'{'), Nested::Columns) => Kind::Object(Box::new(Object::new())),
        (Some(b'['), Nested::Columns) => {
            let item = Box::new(Column::unknown());
            Kind::List { offsets: vec![0], item, item_name: "item".to_owned() }
        }
        (Some(b'{' | b'['), Nested::Json) => Kind::Json(Texts::new()),
        (Some(b'-' | b'0'..=b'9'), _) => match cursor.number()? {
            Number::Int(_) => Kind::Int(Vec::new()),
            Number::Float(_) => Kind::Float(Vec::new()),
            Number::Beyond => Kind::Json(Texts::new()),
        },
        _ => return Err(cursor.unexpected("a value")),
    })
}

#[inline]
fn append_items(cursor: &mut Cursor<'_>, item: &mut Column, nested: Nested) -> Fallible<()> {
    let first = item.len();
    cursor.enter()?;
    if cursor.next_token() == Some(b']') {
        cursor.leave();
        return Ok(());
    }
    loop {
        let row = item.len();
        item.append(cursor, row, nested).map_err(|fault| fault.inside(&format!("[{}]", row - first)))?;
        if !cursor.comma_or(b']', "an array")? {
            return Ok(());
        }
        cursor.next_token();
    }
}

use arrow::array::{Array, MapArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};

use crate::types::Kind;

use super::cell_writer::{CellWriter, NULL, Nulls, Writer, close, open};
use super::fault::{Fault, Outcome};
use super::json_value::{self, JSON_NULL};
use super::lists::Lists;
use super::target::Target;

/// Writes structs, maps and lists as JSON documents.
pub(super) struct Document<'a> {
    nulls: Option<&'a NullBuffer>,
    value: Writer<'a>,
    jsonb: bool,
}

impl<'a> Document<'a> {
    /// The writer for a column of the table that holds JSON.
    pub(super) fn writer(field: &Field, array: &'a dyn Array, target: &Target) -> Option<Writer<'a>> {
        let jsonb = match target.kind {
            Kind::Json => false,
            Kind::Jsonb => true,
            _ => return None,
        };
        let value = json_value::writer(field, array, jsonb)?;
        Some(Box::new(Self { nulls: array.nulls(), value, jsonb }))
    }
}

impl CellWriter for Document<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return Nulls(&NULL).write(row, out);
        }
        let start = open(out);
        if self.jsonb {
            out.push(1);
        }
        self.value.write(row, out)?;
        close(out, start)
    }
}

/// A struct as an object with all its fields, null ones too.
pub(super) struct Object<'a> {
    nulls: Option<&'a NullBuffer>,
    fields: Vec<ObjectField<'a>>,
}

struct ObjectField<'a> {
    name: String,
    /// The name in quotes, and a colon.
    key: Vec<u8>,
    value: Writer<'a>,
}

impl<'a> Object<'a> {
    /// Nothing for two fields of one name, or a name that cannot be a key.
    pub(super) fn new(array: &'a arrow::array::StructArray, jsonb: bool) -> Option<Self> {
        let mut fields: Vec<ObjectField<'a>> = Vec::with_capacity(array.num_columns());
        for (field, values) in array.fields().iter().zip(array.columns()) {
            if fields.iter().any(|other| other.name == *field.name()) {
                return None;
            }
            let mut key = Vec::new();
            json_value::put_string(&mut key, field.name(), jsonb).ok()?;
            key.push(b':');
            let value = json_value::writer(field, values.as_ref(), jsonb)?;
            fields.push(ObjectField { name: field.name().clone(), key, value });
        }
        Some(Self { nulls: array.nulls(), fields })
    }
}

impl CellWriter for Object<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return Nulls(JSON_NULL).write(row, out);
        }
        out.push(b'{');
        for (at, field) in self.fields.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&field.key);
            field.value.write(row, out).map_err(|fault| fault.inside(&format!(".{}", field.name)))?;
        }
        out.push(b'}');
        Ok(())
    }
}

/// A list.
pub(super) struct Items<'a> {
    pub(super) lists: Lists<'a>,
    pub(super) item: Writer<'a>,
}

impl CellWriter for Items<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome {
        let Some(elements) = self.lists.elements(row) else { return Nulls(JSON_NULL).write(row, out) };
        let first = elements.start;
        out.push(b'[');
        for at in elements {
            if at > first {
                out.push(b',');
            }
            self.item.write(at, out).map_err(|fault| fault.inside(&format!("[{}]", at - first)))?;
        }
        out.push(b']');
        Ok(())
    }
}

/// A map as an object.
pub(super) struct Entries<'a> {
    map: &'a MapArray,
    /// Whether a key still needs quotes.
    quoted: bool,
    keys: Writer<'a>,
    values: Writer<'a>,
}

impl<'a> Entries<'a> {
    /// Nothing for keys that are neither text nor whole numbers nor booleans.
    pub(super) fn new(map: &'a MapArray, jsonb: bool) -> Option<Self> {
        let (key, value) = map.entries_fields();
        let quoted = match key.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => false,
            data_type if data_type.is_integer() || data_type == &DataType::Boolean => true,
            _ => return None,
        };
        // Keys are text even where they are marked as JSON.
        let plain = Field::new(key.name(), key.data_type().clone(), false);
        let keys = json_value::writer(&plain, map.keys().as_ref(), jsonb)?;
        let values = json_value::writer(value, map.values().as_ref(), jsonb)?;
        Some(Self { map, quoted, keys, values })
    }
}

impl CellWriter for Entries<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome {
        if self.map.is_null(row) {
            return Nulls(JSON_NULL).write(row, out);
        }
        // A map of n rows has n + 1 ascending offsets, and rows are below n.
        let offsets = self.map.value_offsets();
        let entries = offsets[row] as usize..offsets[row + 1] as usize;
        let mut keys = Vec::with_capacity(entries.len());
        let first = entries.start;
        out.push(b'{');
        for at in entries {
            if at > first {
                out.push(b',');
            }
            let start = out.len();
            if self.quoted {
                out.push(b'"');
            }
            self.keys.write(at, out)?;
            if self.quoted {
                out.push(b'"');
            }
            keys.push(start..out.len());
            out.push(b':');
            if let Err(fault) = self.values.write(at, out) {
                let key = out.get(start..).map(String::from_utf8_lossy).unwrap_or_default();
                let key = key.split_once("\":").map_or("", |(key, _)| key).trim_start_matches('"').to_owned();
                return Err(fault.inside(&format!(".{key}")));
            }
        }
        out.push(b'}');
        keys.sort_by(|a, b| out.get(a.clone()).cmp(&out.get(b.clone())));
        let twice = keys.windows(2).find(|pair| match pair {
            [a, b] => out.get(a.clone()) == out.get(b.clone()),
            _ => false,
        });
        if let Some([key, _]) = twice {
            let key = out.get(key.clone()).map(String::from_utf8_lossy).unwrap_or_default();
            return Err(Fault::new(
                "repeated_key",
                format!("the map has the key {key} more than once"),
                "remove the repetition with a mapping",
            ));
        }
        Ok(())
    }
}

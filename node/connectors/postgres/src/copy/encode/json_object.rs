use arrow::array::{Array, StructArray};
use arrow::buffer::NullBuffer;

use super::cell_writer::{CellWriter, Nulls, Writer};
use super::fault::Outcome;
use super::json_value::{self, JSON_NULL};

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
    pub(super) fn new(array: &'a StructArray, jsonb: bool) -> Option<Self> {
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

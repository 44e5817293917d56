use arrow::array::Array;
use arrow::buffer::NullBuffer;
use arrow::datatypes::Field;

use crate::types::Kind;

use super::cell_writer::{CellWriter, NULL, Nulls, Writer, close, open};
use super::fault::Outcome;
use super::json_value;
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

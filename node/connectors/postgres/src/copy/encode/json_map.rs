use arrow::array::{Array, MapArray};
use arrow::datatypes::{DataType, Field};

use super::cell_writer::{CellWriter, Nulls, Writer};
use super::fault::{Fault, Outcome};
use super::json_value::{self, JSON_NULL};

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

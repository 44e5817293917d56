#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decoding;
mod encoding;
mod properties;
mod splitting;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use etl_model::{Batch, RecordError};

use crate::{Decoder, FormatError, Section, Splitter, TextEncoder};

use super::*;

const LINES: JsonOptions = JsonOptions { framing: Framing::Lines, nested: Nested::Columns };
const ARRAY: JsonOptions = JsonOptions { framing: Framing::Array, nested: Nested::Columns };
const RAW: JsonOptions = JsonOptions { framing: Framing::Lines, nested: Nested::Json };

fn section(data: &[u8]) -> Section<'_> {
    Section { data, offset: 0, line: 1, origin: "test.json" }
}

fn decode(options: JsonOptions, data: &str) -> (Vec<Batch>, Vec<RecordError>) {
    JsonDecoder::new(options, None, false).unwrap().decode(section(data.as_bytes())).unwrap()
}

fn declared(fields: Vec<Field>, data: &str) -> (Vec<Batch>, Vec<RecordError>) {
    let schema = Arc::new(Schema::new(fields));
    JsonDecoder::new(LINES, Some(schema), true).unwrap().decode(section(data.as_bytes())).unwrap()
}

fn encode(batches: &[Batch]) -> String {
    let mut out = Vec::new();
    for batch in batches {
        assert_eq!(LinesEncoder::default().encode(batch, &mut out).unwrap(), []);
    }
    String::from_utf8(out).unwrap()
}

fn types(batch: &Batch) -> Vec<String> {
    let name = |field: &Arc<Field>| {
        let json = if etl_model::is_json(field) { " json" } else { "" };
        format!("{}: {}{json}", field.name(), field.data_type())
    };
    batch.schema().fields().iter().map(name).collect()
}

fn ordinals(batches: &[Batch]) -> Vec<u64> {
    batches.iter().flat_map(|batch| batch.ordinals().values().to_vec()).collect()
}

/// Splits `data` given in pieces that grow by `step` bytes; returns offset and length of each section.
fn cut(splitter: &mut dyn Splitter, data: &[u8], step: usize) -> Result<Vec<(usize, usize)>, FormatError> {
    let mut sections = Vec::new();
    let (mut begin, mut end) = (0, 0);
    loop {
        end = (end + step).min(data.len());
        let at_end = end == data.len();
        let length = splitter.split(&data[begin..end], at_end)?;
        if length > 0 {
            sections.push((begin, length));
        }
        begin += length;
        if at_end {
            assert_eq!(begin, data.len());
            return Ok(sections);
        }
    }
}

#![no_main]

use std::sync::Arc;

use arrow::array::RecordBatch;
use etl_formats::csv::{CsvDecoder, CsvOptions, CsvSplitter, Dialect, infer, read_header};
use etl_formats::{Decoder, Section, Splitter};
use etl_model::RecordError;
use libfuzzer_sys::fuzz_target;

/// All records and errors, read with at most `step` more bytes at a time, or where the file was found to be cut.
fn read(
    data: &[u8],
    step: usize,
    dialect: &Dialect,
    decoder: &CsvDecoder,
) -> Result<(Vec<RecordBatch>, Vec<u64>, Vec<RecordError>), String> {
    let mut splitter = CsvSplitter::new(dialect);
    let (mut start, mut end, mut line) = (0, 0, 1);
    let (mut batches, mut ordinals, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        end = data.len().min(end + step);
        let at_end = end == data.len();
        let length = splitter.split(&data[start..end], at_end).map_err(|error| error.to_string())?;
        assert!(length <= end - start);
        let section =
            Section { data: &data[start..start + length], offset: start as u64, line, origin: "fuzz" };
        let (found, faults) = decoder.decode(section).map_err(|error| error.to_string())?;
        for batch in found {
            ordinals.extend_from_slice(batch.ordinals().values());
            batches.push(batch.records().clone());
        }
        errors.extend(faults);
        line += data[start..start + length].iter().filter(|byte| **byte == b'\n').count() as u64;
        start += length;
        if at_end {
            assert_eq!(start, data.len(), "nothing is left over");
            return Ok((batches, ordinals, errors));
        }
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, data) = input;
    let Ok(dialect) = Dialect::new(&CsvOptions::default()) else { return };
    let Ok(Some((names, start))) = read_header(data, &dialect, true) else { return };
    let body = &data[start..];
    let schema = infer(Section { data: body, offset: 0, line: 1, origin: "fuzz" }, &dialect, &names, 100);
    let Ok(decoder) = CsvDecoder::new(Arc::new(schema), dialect.clone()) else { return };
    let whole = read(body, usize::MAX - body.len(), &dialect, &decoder);
    let parts = read(body, usize::from(step).max(1), &dialect, &decoder);
    match (whole, parts) {
        (Ok(whole), Ok(parts)) => {
            assert_eq!(whole.1, parts.1, "ordinals");
            assert_eq!(whole.2, parts.2, "errors");
            let schema = decoder.schema();
            let join = |batches: &[RecordBatch]| {
                let schema = batches.first().map_or_else(|| schema.clone(), RecordBatch::schema);
                arrow::compute::concat_batches(&schema, batches).expect("one schema")
            };
            if !whole.1.is_empty() {
                assert_eq!(join(&whole.0), join(&parts.0), "records");
            }
        }
        (whole, parts) => assert_eq!(whole.err(), parts.err(), "a file is cut or not, however it is read"),
    }
});

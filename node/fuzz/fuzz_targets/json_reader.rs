#![no_main]

use etl_formats::json::{JsonDecoder, JsonOptions, LinesSplitter, row_to_value};
use etl_formats::{Decoder, Section, Splitter};
use etl_model::RecordError;
use libfuzzer_sys::fuzz_target;

type Found = (Vec<u64>, Vec<RecordError>);

/// The ordinals of all records and all errors, read with at most `step` more bytes at a time.
fn read(data: &[u8], step: usize) -> Result<Found, String> {
    let decoder = JsonDecoder::new(JsonOptions::default(), None, false).map_err(|error| error.to_string())?;
    let mut splitter = LinesSplitter::new();
    let (mut start, mut end, mut line) = (0_usize, 0_usize, 1);
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    loop {
        end = data.len().min(end.saturating_add(step));
        let at_end = end == data.len();
        let length = splitter.split(&data[start..end], at_end).map_err(|error| error.to_string())?;
        let section =
            Section { data: &data[start..start + length], offset: start as u64, line, origin: "fuzz" };
        let (batches, faults) = decoder.decode(section).map_err(|error| error.to_string())?;
        for batch in batches {
            for (row, ordinal) in batch.ordinals().values().iter().enumerate() {
                // The types of columns may differ from section to section, so the values are only made, not compared.
                assert!(row_to_value(batch.records(), row).is_object(), "a record is an object");
                rows.push(*ordinal);
            }
        }
        errors.extend(faults);
        line += data[start..start + length].iter().filter(|byte| **byte == b'\n').count() as u64;
        start += length;
        if at_end {
            assert_eq!(start, data.len(), "nothing is left over");
            rows.sort();
            return Ok((rows, errors));
        }
    }
}

/// What is stricter or looser here than in `serde_json`, on purpose.
fn is_matter_of_taste(code: &str) -> bool {
    matches!(code, "json_depth" | "json_surrogate" | "json_duplicate_key" | "json_too_large")
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, data) = input;
    let whole = read(data, usize::MAX);
    let parts = read(data, usize::from(step).max(1));
    assert_eq!(whole, parts, "a file holds the same records however it is read");
    let Ok((rows, errors)) = whole else { return };
    let mut start = 0;
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let text = if start == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let range = start as u64..(start + line.len()) as u64;
        start += line.len();
        if text.trim_ascii().is_empty() {
            continue;
        }
        let theirs = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text);
        let error = errors.iter().find(|error| range.contains(&error.ordinal));
        if error.is_some_and(|error| is_matter_of_taste(&error.code)) {
            continue;
        }
        let ours = rows.iter().any(|ordinal| range.contains(ordinal));
        if ours != theirs.is_ok() {
            let reason = theirs.as_ref().err().map(ToString::to_string).unwrap_or_default();
            // `serde_json` ends at 128 levels and refuses numbers beyond a double; here they are kept as text.
            let known = reason.contains("recursion limit") || reason.contains("number out of range");
            assert!(
                known,
                "{:?}: serde_json says {reason:?}, error {error:?}",
                String::from_utf8_lossy(text)
            );
        }
    }
});

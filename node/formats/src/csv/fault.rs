use etl_model::{RecordError, SourceLocation};

use super::splitter::line_count;
use crate::Section;

/// Characters of an offending value that a message shows.
const SHOWN: usize = 100;

/// What is wrong with a record; offsets count from the section's first byte.
#[derive(Debug)]
pub(super) struct Fault {
    /// The record's first byte.
    pub start: usize,
    /// Behind its last byte, without the line end.
    pub end: usize,
    /// Where it went wrong.
    pub at: usize,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The column concerned.
    pub field: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

/// Turns faults into record errors in the order of the records.
pub(super) fn record_errors(mut faults: Vec<Fault>, section: Section<'_>) -> Vec<RecordError> {
    faults.sort_by_key(|fault| fault.start);
    let (mut counted, mut line) = (0, section.line);
    faults
        .into_iter()
        .map(|fault| {
            line += line_count(&section.data[counted..fault.start]);
            counted = fault.start;
            let before = &section.data[..fault.at];
            let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1) + 1;
            let location = SourceLocation {
                origin: section.origin.to_owned(),
                line: Some(line + line_count(&section.data[fault.start..fault.at])),
                column: Some(column as u64),
            };
            let raw = String::from_utf8_lossy(&section.data[fault.start..fault.end]).into_owned();
            let error = RecordError::new(section.offset + fault.start as u64, fault.code, fault.message)
                .with_location(location)
                .with_record(raw.into());
            let error = match fault.field {
                Some(field) => error.with_field(field),
                None => error,
            };
            match fault.help {
                Some(help) => error.with_help(help),
                None => error,
            }
        })
        .collect()
}

/// The value as a message shows it: cut after 100 characters, bytes that are not UTF-8 replaced.
pub(super) fn cut(value: &[u8]) -> String {
    // Four bytes hold at least one character, so this is enough to know whether there are more than are shown.
    let text = String::from_utf8_lossy(&value[..value.len().min(SHOWN * 4 + 4)]);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_after_a_hundred_characters() {
        assert_eq!(cut("ü".repeat(100).as_bytes()), "ü".repeat(100));
        assert_eq!(cut("ü".repeat(101).as_bytes()), "ü".repeat(100) + "…");
        assert_eq!(cut(&[0xFF; 1000]), "\u{fffd}".repeat(100) + "…");
    }
}

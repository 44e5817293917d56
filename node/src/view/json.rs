use std::io::{Write, stdout};

use serde::Serialize;

use crate::secrets::redacted;

/// Writes one JSON document to standard output, on a line of its own.
pub(crate) fn print_json_line(value: &impl Serialize) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{}", redacted(&serde_json::to_string(value)?))?;
    out.flush()
}

/// Writes one JSON document to standard output, indented.
pub(crate) fn print_json(value: &impl Serialize) -> std::io::Result<()> {
    writeln!(stdout().lock(), "{}", redacted(&serde_json::to_string_pretty(value)?))
}

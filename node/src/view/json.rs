use std::io::{Write, stdout};

use serde::Serialize;

/// Writes one JSON document to standard output, on a line of its own.
pub(crate) fn print_json_line(value: &impl Serialize) -> std::io::Result<()> {
    let mut out = stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

/// Writes one JSON document to standard output, indented.
pub(crate) fn print_json(value: &impl Serialize) -> std::io::Result<()> {
    let mut out = stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

use super::run::push_run;
use super::string::find_special;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `text` as a JSON string with its quotes.
#[inline]
pub(super) fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Appends `data[start..end]`, in which nothing needs an escape, as a JSON string with its quotes.
#[inline]
pub(super) fn write_plain(out: &mut Vec<u8>, data: &[u8], start: usize, end: usize) {
    out.push(b'"');
    push_run(out, data, start, end);
    out.push(b'"');
}

/// Whether nothing in `text` needs an escape.
pub(super) fn is_plain(text: &[u8]) -> bool {
    // Without an early exit inside a block the loop becomes vector instructions.
    let special = |b: u8| (b < 0x20) | (b == b'"') | (b == b'\\');
    text.chunks(4096).all(|block| !block.iter().fold(false, |found, &b| found | special(b)))
}

fn write_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut run = 0;
    loop {
        let end = find_special(text, run);
        out.extend_from_slice(text.get(run..end).unwrap_or_default());
        let Some(&byte) = text.get(end) else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            // A control byte is below 0x20, so both indexes are below 16.
            byte => out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[(byte >> 4) as usize & 15],
                HEX[(byte & 15) as usize],
            ]),
        }
        run = end + 1;
    }
}

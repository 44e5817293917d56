use super::super::array_value::{ArrayValue, Dimension};
use super::super::malformed::Flaw;
use super::value;
use crate::types::Kind;

/// Appends an array: `{1,NULL,3}`, `{{"a b"},{c}}`, `[0:1]={5,6}`; stops with an error when there are more than `limit`
/// bytes.
pub(super) fn write_array(element: &Kind, bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Flaw> {
    let array = ArrayValue::parse(bytes)?;
    let dimensions = array.dimensions();
    if dimensions.is_empty() {
        out.extend_from_slice(b"{}");
        return array.for_each(|_| Ok(()));
    }
    if dimensions.iter().any(|dimension| dimension.lower != 1) {
        bounds(dimensions, out);
    }
    let (mut index, mut text) = (0_usize, Vec::new());
    array.for_each(|cell| {
        let edges = dimensions.iter().rev().scan(1, |size, dimension| {
            *size *= dimension.length;
            Some(*size)
        });
        let opened = edges.clone().filter(|size| index.is_multiple_of(*size)).count();
        if index > 0 {
            out.push(b',');
        }
        out.extend(std::iter::repeat_n(b'{', opened));
        match cell {
            Some(bytes) => {
                text.clear();
                value::write(element, bytes, limit, &mut text)?;
                write_element(&text, out);
            }
            None => out.extend_from_slice(b"NULL"),
        }
        index += 1;
        let closed = edges.filter(|size| index.is_multiple_of(*size)).count();
        out.extend(std::iter::repeat_n(b'}', closed));
        if out.len() > limit { Err(Flaw::TooLong) } else { Ok(()) }
    })
}

fn bounds(dimensions: &[Dimension], out: &mut Vec<u8>) {
    for Dimension { length, lower } in dimensions {
        let upper = i128::from(*lower) - 1 + i128::try_from(*length).unwrap_or_default();
        out.extend_from_slice(format!("[{lower}:{upper}]").as_bytes());
    }
    out.push(b'=');
}

/// Quotes where `array_out` does: the empty text, `NULL`, and what has quotes, backslashes, braces, commas or spaces.
fn write_element(text: &[u8], out: &mut Vec<u8>) {
    let special = |byte: &u8| {
        matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
    };
    if !text.is_empty() && !text.eq_ignore_ascii_case(b"NULL") && !text.iter().any(special) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

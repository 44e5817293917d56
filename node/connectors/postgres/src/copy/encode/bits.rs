use super::cell_writer::{close, open};
use super::fault::{Fault, Outcome};
use super::target::{Limit, Target};

/// Appends a text of `0` and `1` to a `bit` or `bit varying` column: number of bits, then the bits from the highest of
/// the first byte on, filled up with zeros.
pub(super) fn put_bits(out: &mut Vec<u8>, text: &str, target: &Target) -> Outcome {
    if text.bytes().any(|byte| !matches!(byte, b'0' | b'1')) {
        return Err(Fault::invalid("invalid_bits", text, "a string of bits", "write it with 0 and 1 alone"));
    }
    if let Limit::Bits { most, exact } = target.limit
        && (text.len() > most || exact && text.len() != most)
    {
        return Err(Fault::new(
            "too_long",
            format!("the value has {} bits, which {} does not take", text.len(), target.name),
            "change the length of the table's column, or the value with a mapping",
        ));
    }
    let count = i32::try_from(text.len()).map_err(|_| Fault::too_large(text.len()))?;
    let start = open(out);
    out.extend_from_slice(&count.to_be_bytes());
    for bits in text.as_bytes().chunks(8) {
        let byte = bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | (bit - b'0') << (7 - at));
        out.push(byte);
    }
    close(out, start)
}

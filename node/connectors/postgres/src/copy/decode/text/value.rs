use super::super::malformed::Flaw;
use super::super::numeric::Numeric;
use super::array::write_array;
use super::date_time::{write_date, write_time, write_timestamp, write_timetz};
use super::digits::{hex, push, push_hex, push_padded, push_signed};
use super::float::{write_float4, write_float8};
use super::{write_cidr, write_inet, write_interval};
use crate::types::Kind;

/// What PostgreSQL itself can write (`MaxAllocSize`).
const LONGEST: usize = 0x3fff_ffff;

/// The text of one value in binary form, as the type's output function writes it with `DateStyle` ISO, `IntervalStyle`
/// iso_8601, `extra_float_digits` 1, `bytea_output` hex and the time zone UTC. In the literal `'...'::type` (with
/// quotes doubled) it gives the value back.
///
/// Two types depend on the server: `money` is written with a point and without a currency, `-1234.50`, which only
/// servers whose `lc_monetary` has a decimal point read back; a `"char"` beyond ASCII is written as `\351`, which
/// PostgreSQL reads back from version 16 on.
///
/// # Errors
/// When the bytes are not what PostgreSQL sends for the type.
pub fn value_to_text(kind: &Kind, bytes: &[u8]) -> Result<String, Flaw> {
    let mut out = Vec::new();
    write(kind, bytes, LONGEST, &mut out)?;
    String::from_utf8(out).map_err(|_| Flaw::Utf8)
}

/// A value as text for people to see; bytes that cannot be read are shown in hexadecimal. A text of more bytes than
/// `limit` is cut and ends in an ellipsis.
pub(in super::super) fn show(kind: &Kind, bytes: &[u8], limit: usize) -> String {
    let mut out = Vec::new();
    match write(kind, bytes, limit, &mut out) {
        Ok(()) | Err(Flaw::TooLong) => {}
        Err(_) => {
            out.clear();
            out.extend_from_slice(b"\\x");
            push_hex(&mut out, bytes);
        }
    }
    let long = out.len() > limit;
    out.truncate(limit);
    let mut shown = String::from_utf8_lossy(&out).into_owned();
    if long {
        shown.push('…');
    }
    shown
}

/// Appends the text of a value. Arrays stop with an error when there are more than `limit` bytes; other types take at
/// most eight times the bytes they come from, or 150 000.
pub(super) fn write(kind: &Kind, bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Flaw> {
    match kind {
        Kind::Bool => {
            let [byte] = fixed(bytes)?;
            out.push(if byte == 0 { b'f' } else { b't' });
        }
        Kind::Int2 => push_signed(out, i64::from(i16::from_be_bytes(fixed(bytes)?))),
        Kind::Int4 => push_signed(out, i64::from(i32::from_be_bytes(fixed(bytes)?))),
        Kind::Int8 => push_signed(out, i64::from_be_bytes(fixed(bytes)?)),
        Kind::Oid => push(out, u64::from(u32::from_be_bytes(fixed(bytes)?))),
        Kind::Float4 => write_float4(f32::from_be_bytes(fixed(bytes)?), out),
        Kind::Float8 => write_float8(f64::from_be_bytes(fixed(bytes)?), out),
        Kind::Decimal { .. } | Kind::Numeric => write_numeric(bytes, out)?,
        Kind::Money { scale } => write_money(i64::from_be_bytes(fixed(bytes)?), *scale, out)?,
        Kind::Text | Kind::Json => out.extend_from_slice(bytes),
        Kind::Char => write_char(bytes, out)?,
        Kind::Bytea => {
            out.extend_from_slice(b"\\x");
            push_hex(out, bytes);
        }
        Kind::Date => write_date(i32::from_be_bytes(fixed(bytes)?), out),
        Kind::Time => write_time(i64::from_be_bytes(fixed(bytes)?), out),
        Kind::TimeTz => write_timetz(bytes, out)?,
        Kind::Timestamp => write_timestamp(i64::from_be_bytes(fixed(bytes)?), false, out),
        Kind::TimestampTz => write_timestamp(i64::from_be_bytes(fixed(bytes)?), true, out),
        Kind::Interval => write_interval(bytes, out)?,
        Kind::Uuid => write_uuid(bytes, out)?,
        Kind::Jsonb => write_jsonb(bytes, out)?,
        Kind::Inet { cidr: false } => write_inet(bytes, out)?,
        Kind::Inet { cidr: true } => write_cidr(bytes, out)?,
        Kind::Bit => write_bit(bytes, out)?,
        Kind::Tid => write_tid(fixed(bytes)?, out),
        Kind::Array { element, .. } if matches!(element.kind, Kind::Array { .. }) => return Err(Flaw::Type),
        Kind::Array { element, .. } => write_array(&element.kind, bytes, limit, out)?,
    }
    Ok(())
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Flaw> {
    bytes.try_into().map_err(|_| Flaw::Size { expected: N, found: bytes.len() })
}

/// Appends a numeric with all its digits.
pub(in super::super) fn write_numeric(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    Numeric::parse(bytes)?.write(out);
    Ok(())
}

fn write_money(units: i64, scale: i8, out: &mut Vec<u8>) -> Result<(), Flaw> {
    let scale = u32::try_from(scale).map_err(|_| Flaw::Type)?;
    let one = 10_u64.checked_pow(scale).ok_or(Flaw::Type)?;
    if units < 0 {
        out.push(b'-');
    }
    push(out, units.unsigned_abs() / one);
    if scale > 0 {
        out.push(b'.');
        push_padded(out, units.unsigned_abs() % one, usize::try_from(scale).unwrap_or_default());
    }
    Ok(())
}

/// Appends a `"char"`: 0 is the empty text, a byte beyond ASCII is written in octal like PostgreSQL 16 does.
pub(in super::super) fn write_char(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    match fixed(bytes)? {
        [0] => {}
        [byte @ 1..=127] => out.push(byte),
        [byte] => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
    }
    Ok(())
}

/// Appends a UUID with its hyphens.
pub(in super::super) fn write_uuid(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut text = [b'-'; 36];
    for (byte, place) in fixed::<16>(bytes)?.into_iter().zip(PLACES) {
        // The largest place is 34.
        [text[place], text[place + 1]] = hex(byte);
    }
    out.extend_from_slice(&text);
    Ok(())
}

/// Appends the text behind the version of a `jsonb`.
pub(in super::super) fn write_jsonb(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    match bytes {
        [1, text @ ..] => out.extend_from_slice(text),
        [version, ..] => return Err(Flaw::JsonbVersion(*version)),
        [] => return Err(Flaw::Truncated),
    }
    Ok(())
}

/// Appends the digits of a bit string.
pub(in super::super) fn write_bit(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    let (count, bits) = bytes.split_first_chunk::<4>().ok_or(Flaw::Truncated)?;
    let count = usize::try_from(i32::from_be_bytes(*count)).map_err(|_| Flaw::Bit)?;
    if count.div_ceil(8) != bits.len() {
        return Err(Flaw::Bit);
    }
    let digits = bits.iter().flat_map(|byte| (0..8).rev().map(move |place| b'0' + (byte >> place & 1)));
    out.extend(digits.take(count));
    Ok(())
}

fn write_tid([a, b, c, d, e, f]: [u8; 6], out: &mut Vec<u8>) {
    out.push(b'(');
    push(out, u64::from(u32::from_be_bytes([a, b, c, d])));
    out.push(b',');
    push(out, u64::from(u16::from_be_bytes([e, f])));
    out.push(b')');
}

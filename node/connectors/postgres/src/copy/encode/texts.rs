use arrow::array::{Array, ArrayAccessor, AsArray};
use arrow::datatypes::DataType;

use crate::types::Kind;

use super::bits::put_bits;
use super::cell_writer::{Writer, close, mapped, open, put, put_bytes};
use super::fault::{Fault, Outcome, snippet};
use super::interval_text::put_interval_text;
use super::json_text::check_json;
use super::moment_text::{infinity, put_moment_text};
use super::network::put_network;
use super::number::Number;
use super::numeric::{INFINITY, NAN, NEGATIVE_INFINITY, put_number, put_special};
use super::target::{Limit, Target};
use super::uuid::parse_uuid;

/// A column of text, or of JSON documents.
pub(super) fn writer<'a>(array: &'a dyn Array, json: bool, target: &'a Target) -> Option<Writer<'a>> {
    match array.data_type() {
        DataType::Utf8 => typed(array, array.as_string::<i32>(), json, target),
        DataType::LargeUtf8 => typed(array, array.as_string::<i64>(), json, target),
        DataType::Utf8View => typed(array, array.as_string_view(), json, target),
        _ => None,
    }
}

fn typed<'a, A>(array: &'a dyn Array, values: A, json: bool, target: &'a Target) -> Option<Writer<'a>>
where
    A: ArrayAccessor<Item = &'a str> + 'a,
{
    Some(match target.kind {
        Kind::Text if target.is_text() && target.limit == Limit::None => {
            mapped(array, values, |text, out| put_text(out, text))
        }
        Kind::Text if target.is_text() => mapped(array, values, move |text, out| {
            check_length(text, target)?;
            put_text(out, text)
        }),
        Kind::Json => mapped(array, values, |text, out| {
            check_json(text, false)?;
            put_bytes(out, text.as_bytes())
        }),
        Kind::Jsonb => mapped(array, values, |text, out| {
            check_json(text, true)?;
            let start = open(out);
            out.push(1);
            out.extend_from_slice(text.as_bytes());
            close(out, start)
        }),
        // A document is no value of another type, even where its text looks like one.
        _ if json => return None,
        Kind::Char => mapped(array, values, |text, out| put_char(out, text)),
        Kind::Uuid => mapped(array, values, |text, out| {
            let bytes = parse_uuid(text).ok_or_else(|| {
                let help = "write it as 01234567-89ab-cdef-0123-456789abcdef";
                Fault::invalid("invalid_uuid", text, "a UUID", help)
            })?;
            put(out, bytes);
            Ok(())
        }),
        Kind::Date | Kind::Time | Kind::TimeTz | Kind::Timestamp | Kind::TimestampTz => {
            mapped(array, values, move |text, out| put_moment_text(out, text, target))
        }
        Kind::Interval => mapped(array, values, move |text, out| put_interval_text(out, text, target)),
        Kind::Decimal { .. } | Kind::Numeric => {
            mapped(array, values, move |text, out| put_number_text(out, text, target))
        }
        Kind::Inet { cidr } => mapped(array, values, move |text, out| put_network(out, text, cidr)),
        Kind::Bit => mapped(array, values, move |text, out| put_bits(out, text, target)),
        _ => return None,
    })
}

#[inline]
fn put_text(out: &mut Vec<u8>, text: &str) -> Outcome {
    if let Some(at) = memchr::memchr(0, text.as_bytes()) {
        return Err(Fault::nul(at));
    }
    put_bytes(out, text.as_bytes())
}

/// Refuses what the server would cut off or convert without a word, or would refuse together with the whole batch.
fn check_length(text: &str, target: &Target) -> Outcome {
    let too_long = |most: usize, what: &str| {
        Err(Fault::new(
            "too_long",
            format!("`{}` has more than the {most} {what} of {}", snippet(text), target.name),
            "make the table's column longer, or shorten the value with a mapping",
        ))
    };
    match target.limit {
        Limit::Characters { most, blanks } if text.len() > most => {
            // Blanks at the end mean nothing in `character(n)`, which is filled up with them.
            let counted = if blanks { text.trim_end_matches(' ') } else { text };
            if counted.chars().nth(most).is_some() { too_long(most, "characters") } else { Ok(()) }
        }
        Limit::Bytes(most) if text.len() > most => too_long(most, "bytes"),
        Limit::Xml if declares_other_encoding(text) => Err(Fault::new(
            "invalid_xml",
            format!("`{}` declares another encoding than UTF-8, in which it is", snippet(text)),
            "remove the XML declaration with a mapping",
        )),
        _ => Ok(()),
    }
}

/// Whether the server would convert the document, which is UTF-8, from the encoding that its declaration names.
fn declares_other_encoding(text: &str) -> bool {
    let declaration = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    let Some((_, encoding)) = declaration.and_then(|(inside, _)| inside.split_once("encoding")) else {
        return false;
    };
    let name = encoding.trim_start_matches(|c: char| c == '=' || c.is_whitespace());
    let name = name.trim_start_matches(['"', '\'']).split(['"', '\'']).next().unwrap_or_default();
    !name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("utf8")
}

/// `"char"` is one byte: an ASCII character, none (stored as zero), or `\377` (as PostgreSQL 16 writes the others).
fn put_char(out: &mut Vec<u8>, text: &str) -> Outcome {
    let octal = |digit: u8| digit.wrapping_sub(b'0');
    let byte = match text.as_bytes() {
        [] => 0,
        [0] => return Err(Fault::nul(0)),
        [byte] => *byte,
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => {
            octal(*a) << 6 | octal(*b) << 3 | octal(*c)
        }
        _ => {
            let help = "make the table's column `text`";
            return Err(Fault::invalid("too_long", text, "a single byte", help));
        }
    };
    put(out, [byte]);
    Ok(())
}

fn put_number_text(out: &mut Vec<u8>, text: &str, target: &Target) -> Outcome {
    let digits = target.digits();
    if let Some(number) = Number::parse(text.as_bytes()) {
        if !digits.hold(&number) {
            return Err(Fault::out_of_range(format_args!("`{}`", snippet(text)), &target.name));
        }
        return put_number(out, &number, digits.shown(number.scale));
    }
    if text.eq_ignore_ascii_case("nan") {
        put_special(out, NAN);
        return Ok(());
    }
    match infinity(text) {
        Some(_) if digits.declared => {
            Err(Fault::out_of_range(format_args!("`{}`", snippet(text)), &target.name))
        }
        Some(true) => {
            put_special(out, INFINITY);
            Ok(())
        }
        Some(false) => {
            put_special(out, NEGATIVE_INFINITY);
            Ok(())
        }
        None => Err(Fault::invalid(
            "invalid_number",
            text,
            "a number",
            "write it with digits and a point, such as -1234.5",
        )),
    }
}

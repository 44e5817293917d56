//! `format` of the strings extension: a template with verbs, filled with values.

use std::fmt::Write;

use crate::convert::string_from_bytes;
use crate::encodings::to_hex;
use crate::failure::Failure;
use crate::number;
use crate::strings::LONGEST;
use crate::time;
use crate::value::Value;

/// Most digits behind the point.
const MOST_DIGITS: usize = 100;
const DIGITS: usize = 6;

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Verb { verb: char, digits: Option<usize> },
}

/// What a verb is filled with, without a copy of texts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Argument<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Timestamp(i128),
    Duration(i128),
    List(&'a [Value]),
    Map(&'a [(Value, Value)]),
}

impl<'a> From<&'a Value> for Argument<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Uint(value) => Self::Uint(*value),
            Value::Double(value) => Self::Double(*value),
            Value::String(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Timestamp(nanos) => Self::Timestamp(*nanos),
            Value::Duration(nanos) => Self::Duration(*nanos),
            Value::List(items) => Self::List(items),
            Value::Map(entries) => Self::Map(entries),
        }
    }
}

impl Argument<'_> {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "timestamp",
            Self::Duration(_) => "duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }
}

fn invalid(message: String) -> Failure {
    Failure::new("invalid_format", message)
}

/// Reads a template.
pub(crate) fn parse(template: &str) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut characters = template.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        if characters.next_if_eq(&'%').is_some() {
            text.push('%');
            continue;
        }
        let mut digits = None;
        if characters.next_if_eq(&'.').is_some() {
            let mut number = String::new();
            while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                number.push(digit);
            }
            let parsed = number.parse().ok().filter(|digits| *digits <= MOST_DIGITS);
            digits = Some(parsed.ok_or_else(|| {
                invalid(format!("`%.{number}` has no number of digits up to {MOST_DIGITS}"))
            })?);
        }
        match characters.next() {
            Some(verb @ ('f' | 'e')) => push(&mut parts, &mut text, verb, digits),
            Some(verb @ ('s' | 'd' | 'x' | 'X' | 'o' | 'b')) if digits.is_none() => {
                push(&mut parts, &mut text, verb, None);
            }
            Some(other) => {
                return Err(invalid(format!("`%{other}` is not one of %s %d %f %e %x %X %o %b %%")));
            }
            None => return Err(invalid("the template ends with a `%`".to_owned())),
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

fn push(parts: &mut Vec<Part>, text: &mut String, verb: char, digits: Option<usize>) {
    if !text.is_empty() {
        parts.push(Part::Text(std::mem::take(text)));
    }
    parts.push(Part::Verb { verb, digits });
}

/// Fills the template with the arguments in their order; more than it has verbs are ignored.
pub(crate) fn fill<'a>(
    parts: &[Part],
    mut arguments: impl Iterator<Item = Result<Argument<'a>, Failure>>,
    result: &mut String,
) -> Result<(), Failure> {
    for part in parts {
        match part {
            Part::Text(text) => result.push_str(text),
            Part::Verb { verb, digits } => {
                let argument = arguments
                    .next()
                    .ok_or_else(|| invalid("the template has more verbs than there are values".to_owned()))?;
                write_verb(*verb, *digits, argument?, result)?;
            }
        }
        if result.len() > LONGEST {
            return Err(Failure::new("too_long", "the formatted text is too long"));
        }
    }
    Ok(())
}

/// `format` with a list of values.
pub(crate) fn format(template: &str, items: &[Value]) -> Result<String, Failure> {
    let mut result = String::new();
    fill(&parse(template)?, items.iter().map(|item| Ok(item.into())), &mut result)?;
    Ok(result)
}

fn write_verb(
    verb: char,
    digits: Option<usize>,
    argument: Argument<'_>,
    result: &mut String,
) -> Result<(), Failure> {
    let sign = |negative: bool| if negative { "-" } else { "" };
    let digits = digits.unwrap_or(DIGITS);
    // Writing to a text in memory cannot fail.
    let _ = match (verb, argument) {
        ('s', argument) => return write_text(argument, result),
        ('d', Argument::Int(value)) => write!(result, "{value}"),
        ('d', Argument::Uint(value)) => write!(result, "{value}"),
        ('f' | 'e', Argument::Double(value)) if !value.is_finite() => {
            return write_text(Argument::Double(value), result);
        }
        ('f', Argument::Double(value)) => write!(result, "{value:.digits$}"),
        ('f', Argument::Int(value)) => write!(result, "{:.digits$}", value as f64),
        ('f', Argument::Uint(value)) => write!(result, "{:.digits$}", value as f64),
        ('e', Argument::Double(value)) => return write_exponent(value, digits, result),
        ('e', Argument::Int(value)) => return write_exponent(value as f64, digits, result),
        ('e', Argument::Uint(value)) => return write_exponent(value as f64, digits, result),
        ('x', Argument::Int(value)) => write!(result, "{}{:x}", sign(value < 0), value.unsigned_abs()),
        ('x', Argument::Uint(value)) => write!(result, "{value:x}"),
        ('X', Argument::Int(value)) => write!(result, "{}{:X}", sign(value < 0), value.unsigned_abs()),
        ('X', Argument::Uint(value)) => write!(result, "{value:X}"),
        ('x' | 'X', Argument::Text(text)) => {
            return push_hex(verb, text.as_bytes(), result);
        }
        ('x' | 'X', Argument::Bytes(bytes)) => return push_hex(verb, bytes, result),
        ('o', Argument::Int(value)) => write!(result, "{}{:o}", sign(value < 0), value.unsigned_abs()),
        ('o', Argument::Uint(value)) => write!(result, "{value:o}"),
        ('b', Argument::Int(value)) => write!(result, "{}{:b}", sign(value < 0), value.unsigned_abs()),
        ('b', Argument::Uint(value)) => write!(result, "{value:b}"),
        ('b', Argument::Bool(value)) => write!(result, "{}", u8::from(value)),
        (verb, argument) => {
            let message = format!("`%{verb}` is not defined for {}", argument.type_name());
            return Err(Failure::new("no_such_overload", message));
        }
    };
    Ok(())
}

fn push_hex(verb: char, bytes: &[u8], result: &mut String) -> Result<(), Failure> {
    let digits = to_hex(bytes);
    result.push_str(&if verb == 'X' { digits.to_ascii_uppercase() } else { digits });
    Ok(())
}

/// As C writes it: `1.500000e+03`.
fn write_exponent(value: f64, digits: usize, result: &mut String) -> Result<(), Failure> {
    let text = format!("{value:.digits$e}");
    let (number, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    let _ = write!(result, "{number}e{sign}{exponent:0>2}");
    Ok(())
}

fn write_text(argument: Argument<'_>, result: &mut String) -> Result<(), Failure> {
    // Writing to a text in memory cannot fail.
    let _ = match argument {
        Argument::Null => write!(result, "null"),
        Argument::Bool(value) => write!(result, "{value}"),
        Argument::Int(value) => write!(result, "{value}"),
        Argument::Uint(value) => write!(result, "{value}"),
        Argument::Double(value) if value.is_nan() => write!(result, "NaN"),
        Argument::Double(value) if value.is_infinite() => {
            write!(result, "{}Infinity", if value < 0.0 { "-" } else { "" })
        }
        Argument::Double(value) => write!(result, "{}", number::double_to_string(value)),
        Argument::Text(text) => write!(result, "{text}"),
        Argument::Bytes(bytes) => write!(result, "{}", string_from_bytes(bytes)?),
        Argument::Timestamp(nanos) => write!(result, "{}", time::timestamp_to_string(nanos)?),
        Argument::Duration(nanos) => write!(result, "{}", time::duration_to_string(nanos)),
        Argument::List(items) => return write_list(items, result),
        Argument::Map(entries) => return write_map(entries, result),
    };
    Ok(())
}

fn write_list(items: &[Value], result: &mut String) -> Result<(), Failure> {
    result.push('[');
    for (place, item) in items.iter().enumerate() {
        result.push_str(if place > 0 { ", " } else { "" });
        write_item(item, result)?;
    }
    result.push(']');
    Ok(())
}

/// In the order of the texts of the keys.
fn write_map(entries: &[(Value, Value)], result: &mut String) -> Result<(), Failure> {
    let mut keyed = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let mut text = String::new();
        write_item(key, &mut text)?;
        keyed.push((text, value));
    }
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    result.push('{');
    for (place, (key, value)) in keyed.into_iter().enumerate() {
        result.push_str(if place > 0 { ", " } else { "" });
        result.push_str(&key);
        result.push_str(": ");
        write_item(value, result)?;
    }
    result.push('}');
    Ok(())
}

fn write_item(item: &Value, result: &mut String) -> Result<(), Failure> {
    if result.len() > LONGEST {
        return Err(Failure::new("too_long", "the formatted text is too long"));
    }
    write_text(item.into(), result)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn verbs_follow_the_extension() {
        let list = |values: Vec<Value>| Value::List(values.into());
        let map =
            Value::Map(vec![(Value::string("b"), Value::Int(2)), (Value::string("a"), Value::Null)].into());
        for (template, item, expected) in [
            ("%s%%", Value::string("ü"), "ü%"),
            ("%s", Value::Double(2.0), "2"),
            ("%s", Value::Double(f64::NEG_INFINITY), "-Infinity"),
            ("%s", list(vec![Value::string("a"), Value::Double(3.5), Value::Null]), "[a, 3.5, null]"),
            ("%s", map, "{a: null, b: 2}"),
            ("%d", Value::Uint(u64::MAX), "18446744073709551615"),
            ("%f", Value::Double(2.25), "2.250000"),
            ("%.2f", Value::Int(3), "3.00"),
            ("%.3e", Value::Double(2052.032654), "2.052e+03"),
            ("%e", Value::Double(-1e-7), "-1.000000e-07"),
            ("%f", Value::Double(f64::NAN), "NaN"),
            ("%x", Value::Int(-30), "-1e"),
            ("%X", Value::string("Hello"), "48656C6C6F"),
            ("%x", Value::Bytes(vec![0, 255].into()), "00ff"),
            ("%o", Value::Uint(11), "13"),
            ("%b", Value::Int(i64::MIN), "-1000000000000000000000000000000000000000000000000000000000000000"),
            ("%b", Value::Bool(true), "1"),
        ] {
            assert_eq!(format(template, &[item]), Ok(expected.to_owned()), "{template}");
        }
        for (template, items, code) in [
            ("%d", vec![Value::Double(1.0)], "no_such_overload"),
            ("%x", vec![Value::Null], "no_such_overload"),
            ("%s %s", vec![Value::Int(1)], "invalid_format"),
            ("%", vec![Value::Int(1)], "invalid_format"),
            ("%q", vec![Value::Int(1)], "invalid_format"),
            ("%.d", vec![Value::Int(1)], "invalid_format"),
            ("%.101f", vec![Value::Int(1)], "invalid_format"),
            ("%.2s", vec![Value::Int(1)], "invalid_format"),
        ] {
            assert_eq!(format(template, &items).unwrap_err().code, code, "{template}");
        }
        assert_eq!(format("", &[Value::Null]), Ok(String::new()), "values without a verb are ignored");
    }
}

//! Intervals as text in ISO 8601: `P1Y2M-3DT4H5M-6.5S`, every part with a sign of its own as PostgreSQL writes them.

use super::fault::{Fault, Outcome, snippet};
use super::moment_text::{fraction, infinity};
use super::spans::Span;
use super::target::Target;

const HELP: &str = "write it in ISO 8601, such as `P1Y2M3DT4H5M6.5S`";

/// Appends a text to an `interval` column.
pub(super) fn put_interval_text(out: &mut Vec<u8>, text: &str, target: &Target) -> Outcome {
    if let Some(positive) = infinity(text) {
        let span = if positive { Span::INFINITY } else { Span::NEGATIVE_INFINITY };
        span.put_unchecked(out);
        return Ok(());
    }
    let shown = || format!("`{}`", snippet(text));
    let parts = parse(text).ok_or_else(|| Fault::invalid("invalid_interval", text, "an interval", HELP))?;
    let micros = parts.micros.ok_or_else(|| Fault::too_precise(shown(), &target.name))?;
    let span = match (i32::try_from(parts.months), i32::try_from(parts.days), i64::try_from(micros)) {
        (Ok(months), Ok(days), Ok(micros)) => Span { months, days, micros },
        _ => return Err(Fault::out_of_range(shown(), &target.name)),
    };
    span.put(out, target, shown)
}

/// The sums of the parts.
#[derive(Debug, Default)]
struct Parts {
    months: i128,
    days: i128,
    /// Nothing if there are finer ones.
    micros: Option<i128>,
}

fn parse(text: &str) -> Option<Parts> {
    let (sign, rest) = match text.as_bytes() {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    let mut rest = rest.strip_prefix(b"P")?;
    let mut parts = Parts { micros: Some(0), ..Parts::default() };
    // What may still come; every unit occurs once, in this order.
    let mut units: &[u8] = b"YMWD";
    let mut in_time = false;
    let mut found = false;
    while !rest.is_empty() {
        if let [b'T', after @ ..] = rest {
            if in_time || after.is_empty() {
                return None;
            }
            (in_time, units, rest) = (true, b"HMS", after);
        }
        let (number, after) = signed(rest)?;
        let (fraction_digits, after) = match after {
            [b'.', after @ ..] => {
                let (digits, after) = split_digits(after);
                (Some(digits).filter(|digits| !digits.is_empty())?, after)
            }
            after => (&after[..0], after),
        };
        let (unit, after) = after.split_first()?;
        let place = units.iter().position(|known| known == unit)?;
        units = units.get(place + 1..).unwrap_or_default();
        if !fraction_digits.is_empty() && (!in_time || *unit != b'S') {
            return None;
        }
        let value = sign * number.value;
        match (in_time, unit) {
            (false, b'Y') => parts.months += value * 12,
            (false, b'M') => parts.months += value,
            (false, b'W') => parts.days += value * 7,
            (false, _) => parts.days += value,
            (true, b'H') => parts.micros = parts.micros.map(|micros| micros + value * 3_600_000_000),
            (true, b'M') => parts.micros = parts.micros.map(|micros| micros + value * 60_000_000),
            (true, _) => {
                let finer = sign * if number.negative { -1 } else { 1 };
                parts.micros = parts
                    .micros
                    .zip(fraction(fraction_digits))
                    .map(|(micros, fraction)| micros + value * 1_000_000 + finer * i128::from(fraction));
            }
        }
        rest = after;
        found = true;
    }
    found.then_some(parts)
}

struct Signed {
    /// Also of `-0`.
    negative: bool,
    value: i128,
}

fn signed(text: &[u8]) -> Option<(Signed, &[u8])> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (digits, rest) = split_digits(unsigned);
    // Twenty digits are more than any part holds, and products of them stay far below 2^127.
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + i128::from(digit - b'0'));
    Some((Signed { negative, value: if negative { -value } else { value } }, rest))
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

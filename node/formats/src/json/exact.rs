//! Texts into dates, times and decimals: exactly or not at all.

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

const NANOS: i128 = 1_000_000_000;

/// The value of a date, time or timestamp in the unit of its type; nothing if the text is no such thing or finer than
/// the unit.
pub(super) fn temporal(text: &str, data_type: &DataType) -> Option<i64> {
    match data_type {
        DataType::Date32 => {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(date.signed_duration_since(NaiveDate::default()).num_days())
        }
        DataType::Time32(unit) | DataType::Time64(unit) => {
            let time = NaiveTime::parse_from_str(text, "%H:%M:%S%.f").ok()?;
            in_unit(0, time, *unit)
        }
        DataType::Timestamp(unit, Some(_)) => {
            // Without an offset it is UTC, as in every reader of this crate.
            let utc = match DateTime::parse_from_rfc3339(text) {
                Ok(instant) => instant.naive_utc(),
                Err(_) => local(text)?,
            };
            in_unit(days(utc), utc.time(), *unit)
        }
        DataType::Timestamp(unit, None) => {
            let local = local(text)?;
            in_unit(days(local), local.time(), *unit)
        }
        _ => None,
    }
}

fn local(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .ok()
}

fn days(at: NaiveDateTime) -> i64 {
    at.date().signed_duration_since(NaiveDate::default()).num_days()
}

fn in_unit(days: i64, time: NaiveTime, unit: TimeUnit) -> Option<i64> {
    // A leap second has no number of its own on this scale.
    let nanos = i128::from(time.nanosecond());
    if nanos >= NANOS {
        return None;
    }
    let total = (i128::from(days) * 86_400 + i128::from(time.num_seconds_from_midnight())) * NANOS + nanos;
    let divisor = match unit {
        TimeUnit::Second => NANOS,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    (total % divisor == 0).then(|| i64::try_from(total / divisor).ok()).flatten()
}

/// The unscaled value of a JSON number as a decimal; nothing if it has more digits than the type.
pub(super) fn decimal(number: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let (negative, magnitude) = match number.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let mut parts = magnitude.splitn(2, |b| matches!(b, b'e' | b'E'));
    let mantissa = parts.next()?;
    let exponent: i64 = match parts.next() {
        Some(text) => std::str::from_utf8(text).ok()?.parse().ok()?,
        None => 0,
    };
    let point = mantissa.iter().position(|&b| b == b'.').unwrap_or(mantissa.len());
    let fraction = mantissa.len().saturating_sub(point + 1);
    let digits = mantissa.iter().filter(|b| b.is_ascii_digit());
    let zeros = digits.clone().rev().take_while(|&&b| b == b'0').count();
    let significant = digits.clone().count() - zeros;
    if significant == 0 {
        return Some(0);
    }
    let mut value = 0i128;
    for digit in digits.take(significant) {
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let shift = exponent
        .checked_add(i64::try_from(zeros).ok()?)?
        .checked_sub(i64::try_from(fraction).ok()?)?
        .checked_add(i64::from(scale))?;
    let shift = u32::try_from(shift).ok()?;
    let value = value.checked_mul(10i128.checked_pow(shift)?)?;
    let limit = 10i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_nothing() {
        assert_eq!(decimal(b"1.50", 5, 2), Some(150));
        assert_eq!(decimal(b"-0.5e1", 5, 2), Some(-500));
        assert_eq!(decimal(b"1.5000000", 5, 2), Some(150));
        assert_eq!(decimal(b"1.505", 5, 2), None);
        assert_eq!(decimal(b"999.99", 5, 2), Some(99999));
        assert_eq!(decimal(b"1000", 5, 2), None);
        assert_eq!(decimal(b"1e99999999999999999999", 5, 2), None);
        assert_eq!(decimal(b"0e999", 5, 2), Some(0));
        assert_eq!(decimal(b"1200", 5, -2), Some(12));
        assert_eq!(decimal(b"1210", 5, -2), None);
        assert_eq!(decimal(b"99999999999999999999999999999999999999", 38, 0), Some(10i128.pow(38) - 1));
    }

    #[test]
    fn times_finer_than_the_unit_are_refused() {
        let millis = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        assert_eq!(temporal("1970-01-01T01:00:00.001+01:00", &millis), Some(1));
        assert_eq!(temporal("1969-12-31T23:59:59.999Z", &millis), Some(-1));
        assert_eq!(temporal("1970-01-01T00:00:00.0001Z", &millis), None);
        assert_eq!(temporal("1970-01-01 00:00:01", &millis), Some(1000));
        assert_eq!(temporal("1970-01-01T00:00:00+25:00", &millis), None);
        assert_eq!(temporal("2016-12-31T23:59:60Z", &millis), None);
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        assert_eq!(temporal("1970-01-02 00:00:00.000000001", &nanos), Some(86_400_000_000_001));
        assert_eq!(temporal("9999-01-01 00:00:00", &nanos), None);
        assert_eq!(temporal("1970-01-01T00:00:00Z", &nanos), None);
        assert_eq!(temporal("2024-02-30", &DataType::Date32), None);
        assert_eq!(temporal("1969-12-31", &DataType::Date32), Some(-1));
    }
}

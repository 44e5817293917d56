//! Timestamps and durations in nanoseconds: text, parts, time zones, ranges.

use chrono::{DateTime, Datelike, Timelike, Utc};

use crate::failure::Failure;
use crate::zone::Zone;

pub(crate) const SECOND: i128 = 1_000_000_000;
/// 0001-01-01T00:00:00Z.
const FIRST: i128 = -62_135_596_800 * SECOND;
/// 9999-12-31T23:59:59.999999999Z.
const LAST: i128 = 253_402_300_800 * SECOND - 1;
const LONGEST: i128 = 315_576_000_000 * SECOND;

/// The timestamp, if it lies in the years 1 to 9999.
pub(crate) fn checked_timestamp(nanos: i128) -> Result<i128, Failure> {
    if (FIRST..=LAST).contains(&nanos) {
        Ok(nanos)
    } else {
        Err(Failure::overflow(format_args!("the timestamp")))
    }
}

/// The duration, if it is at most 10,000 years either way.
pub(crate) fn checked_duration(nanos: i128) -> Result<i128, Failure> {
    if (-LONGEST..=LONGEST).contains(&nanos) {
        Ok(nanos)
    } else {
        Err(Failure::overflow(format_args!("the duration")))
    }
}

pub(crate) fn utc(nanos: i128) -> Result<DateTime<Utc>, Failure> {
    let checked = checked_timestamp(nanos)?;
    let seconds = i64::try_from(checked.div_euclid(SECOND)).ok();
    let fraction = u32::try_from(checked.rem_euclid(SECOND)).ok();
    seconds
        .zip(fraction)
        .and_then(|(seconds, fraction)| DateTime::from_timestamp(seconds, fraction))
        .ok_or_else(|| Failure::overflow(format_args!("the timestamp")))
}

/// Reads RFC 3339, such as `2024-02-29T12:30:00.5+01:00`.
pub(crate) fn timestamp_from_string(text: &str) -> Result<i128, Failure> {
    let parsed = DateTime::parse_from_rfc3339(text).map_err(|error| {
        Failure::new(
            "invalid_timestamp",
            format!("`{}` is not a timestamp such as 2024-02-29T12:30:00Z: {error}", shortened(text)),
        )
    })?;
    checked_timestamp(i128::from(parsed.timestamp()) * SECOND + i128::from(parsed.timestamp_subsec_nanos()))
}

/// RFC 3339 in UTC, with as many digits of the second as are needed.
pub(crate) fn timestamp_to_string(nanos: i128) -> Result<String, Failure> {
    let moment = utc(nanos)?;
    let mut text = moment.format("%Y-%m-%dT%H:%M:%S").to_string();
    push_fraction(&mut text, nanos.rem_euclid(SECOND));
    text.push('Z');
    Ok(text)
}

fn push_fraction(text: &mut String, nanos: i128) {
    if nanos != 0 {
        let digits = format!("{nanos:09}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
}

/// Seconds with the unit `s`, such as `5400s` or `-0.5s`.
pub(crate) fn duration_to_string(nanos: i128) -> String {
    let mut text = format!("{}{}", if nanos < 0 { "-" } else { "" }, nanos.abs() / SECOND);
    push_fraction(&mut text, nanos.abs() % SECOND);
    text.push('s');
    text
}

/// Reads a sequence of numbers with units `h m s ms us ns`, such as `1h30m` or `-1.5s`.
pub(crate) fn duration_from_string(text: &str) -> Result<i128, Failure> {
    parse_duration(text).map_or_else(
        || {
            let message = format!("`{}` is not a duration such as 1h30m or 1.5s", shortened(text));
            Err(Failure::new("invalid_duration", message))
        },
        checked_duration,
    )
}

fn parse_duration(text: &str) -> Option<i128> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at_checked(number_end)?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let factor: i128 = match unit {
            "h" => 3600 * SECOND,
            "m" => 60 * SECOND,
            "s" => SECOND,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        if !whole.is_empty() {
            total = total.checked_add(whole.parse::<i128>().ok()?.checked_mul(factor)?)?;
        }
        let mut scale = factor;
        for digit in fraction.bytes() {
            if !digit.is_ascii_digit() {
                return None;
            }
            scale /= 10;
            total = total.checked_add(i128::from(digit - b'0') * scale)?;
        }
        rest = tail;
    }
    Some(if negative { -total } else { total })
}

/// A part of a timestamp, counted as CEL counts: months, days of the week (Sunday) and of the year from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// The part of a timestamp in a time zone.
pub(crate) fn timestamp_part(nanos: i128, part: Part, zone: Zone) -> Result<i64, Failure> {
    let moment = utc(nanos)?;
    // Wide enough: chrono's years reach far beyond 1 to 9999, so adding an offset cannot leave them.
    let local = moment.with_timezone(&zone.offset_at(&moment));
    Ok(match part {
        Part::FullYear => i64::from(local.year()),
        Part::Month => i64::from(local.month0()),
        Part::Date => i64::from(local.day()),
        Part::DayOfMonth => i64::from(local.day0()),
        Part::DayOfWeek => i64::from(local.weekday().num_days_from_sunday()),
        Part::DayOfYear => i64::from(local.ordinal0()),
        Part::Hours => i64::from(local.hour()),
        Part::Minutes => i64::from(local.minute()),
        Part::Seconds => i64::from(local.second()),
        Part::Milliseconds => i64::from(local.nanosecond() / 1_000_000),
    })
}

/// The whole hours, minutes or seconds of a duration, or the milliseconds of its last second.
pub(crate) fn duration_part(nanos: i128, part: Part) -> Option<i64> {
    let value = match part {
        Part::Hours => nanos / (3600 * SECOND),
        Part::Minutes => nanos / (60 * SECOND),
        Part::Seconds => nanos / SECOND,
        Part::Milliseconds => (nanos % SECOND) / 1_000_000,
        _ => return None,
    };
    i64::try_from(value).ok()
}

/// At most 80 characters of a text, for messages.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn durations_survive_text() {
        for (text, nanos) in [
            ("1h30m", 5400 * SECOND),
            ("-1.5s", -1_500_000_000),
            ("10us", 10_000),
            ("1ms1ns", 1_000_001),
            ("0", 0),
            (".5s", 500_000_000),
        ] {
            assert_eq!(duration_from_string(text), Ok(nanos), "{text}");
            assert_eq!(duration_from_string(&duration_to_string(nanos)), Ok(nanos));
        }
        for bad in [
            "",
            "-",
            "1",
            "s",
            "1x",
            ".s",
            "1..5s",
            "1.5.s",
            "1 s",
            "999999999999999999999999999999999999999h",
        ] {
            assert_eq!(duration_from_string(bad).unwrap_err().code, "invalid_duration", "{bad}");
        }
        assert_eq!(duration_from_string("90000000h").unwrap_err().code, "overflow");
    }

    #[test]
    fn timestamps_survive_text_and_keep_their_range() {
        for text in [
            "2024-02-29T12:30:00Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "1969-12-31T23:59:59.5Z",
        ] {
            assert_eq!(timestamp_to_string(timestamp_from_string(text).unwrap()), Ok(text.to_owned()));
        }
        assert_eq!(timestamp_from_string("2023-02-29T00:00:00Z").unwrap_err().code, "invalid_timestamp");
        assert_eq!(timestamp_from_string("9999-12-31T23:59:59-01:00").unwrap_err().code, "overflow");
        assert!(checked_timestamp(LAST + 1).is_err() && checked_timestamp(FIRST - 1).is_err());
    }

    #[test]
    fn parts_follow_zones() {
        let moment = timestamp_from_string("2009-02-13T23:31:30.123Z").unwrap();
        for (part, zone, expected) in [
            (Part::FullYear, None, 2009),
            (Part::Month, None, 1),
            (Part::Date, None, 13),
            (Part::DayOfMonth, None, 12),
            (Part::DayOfMonth, Some("Australia/Sydney"), 13),
            (Part::DayOfWeek, None, 5),
            (Part::DayOfYear, None, 43),
            (Part::Hours, Some("02:00"), 1),
            (Part::Minutes, Some("-00:30"), 1),
            (Part::Seconds, None, 30),
            (Part::Milliseconds, None, 123),
        ] {
            let zone = zone.map_or(Ok(Zone::UTC), Zone::parse).unwrap();
            assert_eq!(timestamp_part(moment, part, zone), Ok(expected), "{part:?} {zone:?}");
        }
        for zone in ["Nowhere", "+25:00", "1:00", ""] {
            assert_eq!(Zone::parse(zone).unwrap_err().code, "invalid_timezone", "{zone}");
        }
        assert_eq!(duration_part(-3_723_321_000_000, Part::Minutes), Some(-62));
    }
}

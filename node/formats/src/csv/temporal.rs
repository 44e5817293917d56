use chrono::{Datelike, NaiveDate};

use super::number::Refusal;

const NOT_DATE: Refusal = "is not a date such as 2024-12-31";
const NOT_TIMESTAMP: Refusal = "is not a timestamp such as 2024-12-31T23:59:59.5Z or 2024-12-31 23:59:59";
const MICROS: i64 = 1_000_000;

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(super) fn date(field: &[u8]) -> Result<i32, Refusal> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = field else {
        return Err(NOT_DATE);
    };
    let number = |digits: &[u8]| digits_value(digits).ok_or(NOT_DATE);
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    let day = NaiveDate::from_ymd_opt(year as i32, month, day).ok_or("is not a day of the calendar")?;
    Ok(day.num_days_from_ce() - NaiveDate::default().num_days_from_ce())
}

/// Microseconds since 1970-01-01T00:00:00Z of an RFC 3339 timestamp; `T` may be a space, and a timestamp without an
/// offset is taken as UTC. Finer fractions than microseconds are refused unless they are zero.
pub(super) fn timestamp(field: &[u8]) -> Result<i64, Refusal> {
    let (day, rest) = field.split_at_checked(10).ok_or(NOT_TIMESTAMP)?;
    let days = date(day).map_err(|refusal| if refusal == NOT_DATE { NOT_TIMESTAMP } else { refusal })?;
    let [b'T' | b't' | b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = rest else {
        return Err(NOT_TIMESTAMP);
    };
    let number = |digits: &[u8]| digits_value(digits).ok_or(NOT_TIMESTAMP);
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return Err("is not a time of day");
    }
    let (micros, rest) = match rest {
        [b'.' | b',', rest @ ..] => {
            let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let (digits, rest) = rest.split_at(count);
            (fraction(digits)?, rest)
        }
        _ => (0, rest),
    };
    let offset = match rest {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return Err("is not an offset from UTC");
            }
            let seconds = i64::from(hours * 3600 + minutes * 60);
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return Err(NOT_TIMESTAMP),
    };
    let seconds = i64::from(days) * 86_400 + i64::from(hour * 3600 + minute * 60 + second) - offset;
    // Four-digit years keep this far inside 64 bits.
    Ok(seconds * MICROS + micros)
}

fn fraction(digits: &[u8]) -> Result<i64, Refusal> {
    let (kept, dropped) = digits.split_at(digits.len().min(6));
    if kept.is_empty() {
        return Err(NOT_TIMESTAMP);
    }
    if dropped.iter().any(|&b| b != b'0') {
        return Err("is finer than a microsecond");
    }
    let value = kept.iter().fold(0, |sum, &b| sum * 10 + i64::from(b - b'0'));
    Ok(value * 10i64.pow(6 - kept.len() as u32))
}

fn digits_value(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_of_the_calendar() {
        assert_eq!(date(b"1970-01-01"), Ok(0));
        assert_eq!(date(b"2024-02-29"), Ok(19782));
        assert_eq!(date(b"1969-12-31"), Ok(-1));
        assert_eq!(date(b"0001-01-01"), Ok(-719162));
        for text in ["2023-02-29", "2024-13-01", "2024-00-10", "2024-01-00"] {
            assert_eq!(date(text.as_bytes()), Err("is not a day of the calendar"), "{text}");
        }
        for text in ["", "2024-1-01", "2024/01/01", "20240101", "2024-01-01 ", "-024-01-01", "2024-01-0x"] {
            assert_eq!(date(text.as_bytes()), Err(NOT_DATE), "{text}");
        }
    }

    #[test]
    fn timestamps_are_instants() {
        let expected = 1_735_689_599 * MICROS;
        for text in [
            "2024-12-31T23:59:59Z",
            "2024-12-31 23:59:59",
            "2025-01-01T01:29:59+01:30",
            "2024-12-31t18:59:59-0500",
        ] {
            assert_eq!(timestamp(text.as_bytes()), Ok(expected), "{text}");
        }
        assert_eq!(timestamp(b"2024-12-31T23:59:59.5Z"), Ok(expected + 500_000));
        assert_eq!(timestamp(b"2024-12-31T23:59:59.123456000Z"), Ok(expected + 123_456));
        assert_eq!(timestamp(b"1969-12-31T23:59:59.999999Z"), Ok(-1));
        for text in [
            "",
            "2024-12-31",
            "2024-12-31T23:59",
            "2024-12-31T23:59:59.Z",
            "2024-12-31T23:59:59 Z",
            "2024-12-31T23:59:59+1",
        ] {
            assert_eq!(timestamp(text.as_bytes()), Err(NOT_TIMESTAMP), "{text}");
        }
        assert_eq!(timestamp(b"2024-12-31T23:59:59.1234567Z"), Err("is finer than a microsecond"));
        assert_eq!(timestamp(b"2024-12-31T24:00:00Z"), Err("is not a time of day"));
        assert_eq!(timestamp(b"2024-12-31T23:59:60Z"), Err("is not a time of day"));
        assert_eq!(timestamp(b"2024-02-30T00:00:00Z"), Err("is not a day of the calendar"));
        assert_eq!(timestamp(b"2024-02-10T00:00:00+24:00"), Err("is not an offset from UTC"));
    }
}

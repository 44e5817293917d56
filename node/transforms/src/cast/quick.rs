//! The usual forms of values, read without a [`Value`](super::values::Value) or a message in between. What is not known here
//! is for [`convert`](super::convert::convert), which says the same of all that is.

use chrono::{Datelike, NaiveDate};

use super::moment::DAYS_BEFORE_1970;
use crate::cells::Cell;

/// Digits that 64 bits always hold.
const DIGITS: usize = 18;
/// Powers of ten by which a number of so many digits stays within 128 bits.
const POWERS: u32 = 19;
const DAY: i64 = 86_400;
const MICROS: i64 = 1_000_000;

pub(super) fn int(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Int(value) => Some(value),
        Cell::Text(text) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn float(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Float(value) => Some(value),
        Cell::Text(text) => text.parse().ok().filter(|value: &f64| value.is_finite()),
        _ => None,
    }
}

/// The mantissa at a scale, of a text with no more digits behind the point than that.
pub(super) fn decimal(cell: Cell<'_>, precision: u8, scale: i8) -> Option<i128> {
    let Cell::Text(text) = cell else { return None };
    let bytes = text.as_bytes();
    let (negative, digits) = match bytes.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, bytes),
    };
    if digits.len() > DIGITS {
        return None;
    }
    let (mut mantissa, mut point) = (0_i64, None);
    for (place, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(place),
            _ => return None,
        }
    }
    let fraction = point.map_or(0, |place| digits.len() - place - 1);
    if digits.len() == usize::from(point.is_some()) {
        return None;
    }
    let missing = u32::try_from(scale).ok()?.checked_sub(u32::try_from(fraction).ok()?)?;
    let value = (missing <= POWERS).then(|| i128::from(mantissa) * 10_i128.pow(missing))?;
    let value = if negative { -value } else { value };
    (value.unsigned_abs() < 10_u128.pow(u32::from(precision))).then_some(value)
}

/// Days since 1970 of `2024-02-29`.
pub(super) fn date(cell: Cell<'_>) -> Option<i32> {
    match cell {
        Cell::Date(days) => Some(days),
        Cell::Text(text) if text.len() == 10 => day(text.as_bytes()),
        _ => None,
    }
}

/// Microseconds since 1970 of `2024-02-29T12:30:00Z`, with as many digits of the second as that has.
pub(super) fn timestamp(cell: Cell<'_>) -> Option<i64> {
    let Cell::Text(text) = cell else { return None };
    let (date, rest) = text.as_bytes().split_at_checked(10)?;
    let (time, rest) = rest.split_at_checked(9)?;
    let &[b'T', h, hh, b':', m, mm, b':', s, ss] = time else { return None };
    let (hour, minute, second) = (number(&[h, hh])?, number(&[m, mm])?, number(&[s, ss])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match rest {
        b"Z" => 0,
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => {
            number(digits)? * 10_i64.pow(6 - u32::try_from(digits.len()).ok()?)
        }
        _ => return None,
    };
    let seconds = i64::from(day(date)?) * DAY + hour * 3600 + minute * 60 + second;
    Some(seconds * MICROS + micros)
}

fn day(text: &[u8]) -> Option<i32> {
    let &[y, yy, yyy, yyyy, b'-', m, mm, b'-', d, dd] = text else { return None };
    let year = i32::try_from(number(&[y, yy, yyy, yyyy])?).ok().filter(|year| *year > 0)?;
    let [month, day] = [number(&[m, mm])?, number(&[d, dd])?].map(|part| u32::try_from(part).ok());
    Some(NaiveDate::from_ymd_opt(year, month?, day?)?.num_days_from_ce() - DAYS_BEFORE_1970)
}

/// A few digits and nothing else.
fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::config::FieldType;
    use super::super::convert::convert;
    use super::super::target::Target;
    use super::super::values::Value;
    use super::*;

    /// What is read, and that it is what the long way yields.
    fn read<T>(text: &str, target: Target, quick: Option<T>, value: impl Fn(T) -> Value) -> bool {
        let long = convert(Cell::Text(text), &FieldType::of(target));
        match quick {
            Some(found) => {
                assert_eq!(long, Ok(Some(value(found))), "{text}");
                true
            }
            None => false,
        }
    }

    #[test]
    fn numbers_are_those_of_the_long_way() {
        let known =
            ["0", "-1", "+7", "12.50", "-0.05", ".5", "5.", "007", "99999999.99", "123456789012345678"];
        let unknown =
            ["", "-", ".", "-.", "+", "1e3", "1.2.3", " 1", "1 ", "0x1", "--1", "1_000", "٣", "12.505"];
        for (precision, scale) in [(10, 2), (38, 20), (3, 0), (5, 5), (38, 0), (38, 38)] {
            let target = Target::Decimal(precision, scale);
            for text in known.iter().chain(&unknown) {
                read(text, target, decimal(Cell::Text(text), precision, scale), Value::Decimal);
            }
        }
        let price =
            |text| read(text, Target::Decimal(10, 2), decimal(Cell::Text(text), 10, 2), Value::Decimal);
        assert_eq!(known.map(price), [true, true, true, true, true, true, true, true, true, false]);
        assert!(!unknown.into_iter().any(price));
        for text in known.iter().chain(&unknown).chain(&["1e400", "NaN", "inf", "-9223372036854775809"]) {
            read(text, Target::Int, int(Cell::Text(text)), Value::Int);
            read(text, Target::Float, float(Cell::Text(text)), Value::Float);
        }
        assert!(int(Cell::Text("-42")).is_some() && float(Cell::Text("1e3")).is_some());
    }

    #[test]
    fn times_are_those_of_the_long_way() {
        let timestamps = [
            "2024-02-29T12:30:00Z",
            "2023-02-29T12:30:00Z",
            "0001-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
            "1969-12-31T23:59:59.5Z",
            "2024-02-29T12:30:60Z",
            "2024-02-29T24:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-02-29t12:30:00z",
            "2024-02-29T12:30:00.Z",
            "2024-02-29T12:30:00.1234567Z",
            "2024-02-29T12:30:00+01:00",
            "2024-02-29 12:30:00Z",
            "2024-02-29T12:30:00",
            "",
            "2024-02-2é",
        ];
        let read_all = timestamps
            .map(|text| read(text, Target::Timestamp, timestamp(Cell::Text(text)), Value::Timestamp));
        assert_eq!(read_all.iter().filter(|read| **read).count(), 4);
        let dates = [
            "2024-02-29",
            "2023-02-29",
            "0001-01-01",
            "0000-12-31",
            "9999-12-31",
            "1969-12-31",
            "2024-2-29",
            "2024-02-9 ",
        ];
        let read_all = dates.map(|text| read(text, Target::Date, date(Cell::Text(text)), Value::Date));
        assert_eq!(read_all, [true, false, true, false, true, true, false, false]);
    }
}

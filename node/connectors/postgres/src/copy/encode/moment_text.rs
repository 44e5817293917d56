//! Dates, times and timestamps as text: ISO 8601 and RFC 3339, and what PostgreSQL itself writes with the date style
//! ISO (a blank for the `T`, offsets of hours alone, ` BC`, `infinity`).

use crate::types::Kind;

use super::calendar::{self, DAY_MICROS, EPOCH_DAYS};
use super::cell_writer::put;
use super::fault::{Fault, Outcome, snippet};
use super::moments::{put_date, put_moment};
use super::target::Target;

/// Why a text is not what its column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Form,
    Precision,
    OffsetMissing,
    OffsetPresent,
}

type Parsed<T> = Result<T, Refusal>;

/// Appends a text to a `date`, `time`, `timetz`, `timestamp` or `timestamptz` column.
pub(super) fn put_moment_text(out: &mut Vec<u8>, text: &str, target: &Target) -> Outcome {
    if let Some(positive) = infinity(text)
        && matches!(target.kind, Kind::Date | Kind::Timestamp | Kind::TimestampTz)
    {
        match (&target.kind, positive) {
            (Kind::Date, true) => put(out, i32::MAX.to_be_bytes()),
            (Kind::Date, false) => put(out, i32::MIN.to_be_bytes()),
            (_, true) => put(out, i64::MAX.to_be_bytes()),
            (_, false) => put(out, i64::MIN.to_be_bytes()),
        }
        return Ok(());
    }
    let refused = |refusal| refuse(refusal, text, target);
    let out_of_range = || Fault::out_of_range(format_args!("`{}`", snippet(text)), &target.name);
    let mut reader = Reader { rest: text.as_bytes() };
    match target.kind {
        Kind::Date => put_date(out, reader.whole_date().map_err(refused)?),
        Kind::Time => {
            let micros = reader.time(target.step()).map_err(refused)?;
            reader.no_offset().map_err(refused)?;
            put(out, micros.to_be_bytes());
            Ok(())
        }
        Kind::TimeTz => {
            let micros = reader.time(target.step()).map_err(refused)?;
            let east = reader.offset().map_err(refused)?;
            let mut bytes = [0; 12];
            bytes[..8].copy_from_slice(&micros.to_be_bytes());
            bytes[8..].copy_from_slice(&(-east).to_be_bytes());
            put(out, bytes);
            Ok(())
        }
        _ => {
            let micros = reader.timestamp(target).map_err(refused)?;
            micros.and_then(|micros| put_moment(out, micros)).ok_or_else(out_of_range)
        }
    }
}

/// Whether the text is infinity, and then whether the positive one.
pub(super) fn infinity(text: &str) -> Option<bool> {
    let (positive, word) = match text.as_bytes() {
        [b'-', rest @ ..] => (false, rest),
        [b'+', rest @ ..] => (true, rest),
        rest => (true, rest),
    };
    word.eq_ignore_ascii_case(b"infinity").then_some(positive)
}

#[cold]
fn refuse(refusal: Refusal, text: &str, target: &Target) -> Box<Fault> {
    let code = match target.kind {
        Kind::Date => "invalid_date",
        Kind::Time | Kind::TimeTz => "invalid_time",
        _ => "invalid_timestamp",
    };
    let short = snippet(text);
    match refusal {
        Refusal::Precision => Fault::too_precise(format_args!("`{short}`"), &target.name),
        Refusal::OffsetMissing => Fault::new(
            code,
            format!("`{short}` has no offset from UTC, which {} needs", target.name),
            "append `Z` or an offset with a mapping",
        ),
        Refusal::OffsetPresent => Fault::new(
            code,
            format!("`{short}` has an offset from UTC, which {} would drop", target.name),
            "make the table's column one with time zone, or cut the offset off with a mapping",
        ),
        Refusal::Form => {
            let (what, help) = match target.kind {
                Kind::Date => ("a date", "write it as 2024-12-31"),
                Kind::Time => ("a time of day", "write it as 23:59:59.123456"),
                Kind::TimeTz => ("a time of day with an offset", "write it as 23:59:59.123456+02:00"),
                Kind::Timestamp => ("a timestamp", "write it as 2024-12-31T23:59:59.123456"),
                _ => ("a timestamp with an offset", "write it as 2024-12-31T23:59:59.123456+02:00"),
            };
            Fault::invalid(code, text, what, help)
        }
    }
}

/// What is left of a text.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Parsed<()> {
        if self.eat(byte) { Ok(()) } else { Err(Refusal::Form) }
    }

    fn end(&self) -> Parsed<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Refusal::Form) }
    }

    /// All digits that follow, `least` to `most` of them.
    fn number(&mut self, least: usize, most: usize) -> Parsed<u32> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(least..=most).contains(&count) {
            return Err(Refusal::Form);
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        // At most seven digits.
        Ok(digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    /// Year, month and day, with an astronomical year.
    fn date(&mut self) -> Parsed<(i64, u32, u32)> {
        let negative = self.eat(b'-');
        if !negative {
            self.eat(b'+');
        }
        let year = i64::from(self.number(4, 7)?);
        self.expect(b'-')?;
        let month = self.number(2, 2)?;
        self.expect(b'-')?;
        let day = self.number(2, 2)?;
        Ok((if negative { -year } else { year }, month, day))
    }

    /// Days since 1970-01-01 of a date, the rest being nothing or an era.
    fn days(&mut self, (year, month, day): (i64, u32, u32)) -> Parsed<i64> {
        let year = match self.rest {
            [] => year,
            // Year 1 BC is followed by year 1.
            [b' ', b'B' | b'b', b'C' | b'c'] if year > 0 => 1 - year,
            _ => return Err(Refusal::Form),
        };
        calendar::days(year, month, day).ok_or(Refusal::Form)
    }

    fn whole_date(&mut self) -> Parsed<i64> {
        let date = self.date()?;
        self.days(date)
    }

    /// Microseconds since midnight, up to and including 24:00:00.
    fn time(&mut self, step: i64) -> Parsed<i64> {
        let hour = i64::from(self.number(2, 2)?);
        self.expect(b':')?;
        let minute = i64::from(self.number(2, 2)?);
        let mut second = 0;
        let mut fraction = 0;
        if self.eat(b':') {
            second = i64::from(self.number(2, 2)?);
            if self.eat(b'.') {
                fraction = self.fraction()?;
            }
        }
        let micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction;
        if minute > 59 || second > 59 || micros > DAY_MICROS {
            return Err(Refusal::Form);
        }
        if micros % step != 0 {
            return Err(Refusal::Precision);
        }
        Ok(micros)
    }

    /// Microseconds of the digits behind a point; further ones must be zero.
    fn fraction(&mut self) -> Parsed<i64> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        if digits.is_empty() {
            return Err(Refusal::Form);
        }
        fraction(digits).ok_or(Refusal::Precision)
    }

    fn no_offset(&mut self) -> Parsed<()> {
        if self.end().is_ok() {
            return Ok(());
        }
        let offset = self.offset();
        Err(if offset.is_ok() { Refusal::OffsetPresent } else { Refusal::Form })
    }

    /// Seconds east of UTC, to the end of the text.
    fn offset(&mut self) -> Parsed<i32> {
        let east = self.offset_part()?;
        self.end()?;
        Ok(east)
    }

    fn offset_part(&mut self) -> Parsed<i32> {
        let sign = match self.rest.split_first() {
            None => return Err(Refusal::OffsetMissing),
            Some((b'Z' | b'z', rest)) => {
                self.rest = rest;
                return Ok(0);
            }
            Some((b'+', rest)) => {
                self.rest = rest;
                1
            }
            Some((b'-', rest)) => {
                self.rest = rest;
                -1
            }
            Some(_) => return Err(Refusal::Form),
        };
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = self.number(digits.min(4), 4)?;
        let (hours, minutes, seconds) = match digits {
            4 => (number / 100, number % 100, 0),
            2 if self.eat(b':') => {
                let minutes = self.number(2, 2)?;
                (number, minutes, if self.eat(b':') { self.number(2, 2)? } else { 0 })
            }
            2 => (number, 0, 0),
            _ => return Err(Refusal::Form),
        };
        // PostgreSQL's offsets are less than 16 hours.
        if hours > 15 || minutes > 59 || seconds > 59 {
            return Err(Refusal::Form);
        }
        // Below 16 hours.
        Ok(sign * ((hours * 60 + minutes) * 60 + seconds) as i32)
    }

    /// Microseconds since 2000-01-01, if they fit.
    fn timestamp(&mut self, target: &Target) -> Parsed<Option<i64>> {
        let date = self.date()?;
        match self.rest.split_first() {
            Some((b'T' | b't' | b' ', rest)) => self.rest = rest,
            _ => return Err(Refusal::Form),
        }
        let time = self.time(target.step())?;
        let before_common_era = matches!(self.rest, [.., b' ', b'B' | b'b', b'C' | b'c']);
        let (rest, era) = self.rest.split_at(self.rest.len() - if before_common_era { 3 } else { 0 });
        self.rest = rest;
        let east = if target.kind == Kind::Timestamp {
            self.no_offset()?;
            0
        } else {
            self.offset()?
        };
        let days = Reader { rest: era }.days(date)?;
        let micros = (days - EPOCH_DAYS).checked_mul(DAY_MICROS).and_then(|micros| micros.checked_add(time));
        Ok(micros.and_then(|micros| micros.checked_sub(i64::from(east) * 1_000_000)))
    }
}

/// Microseconds of the digits behind a point; nothing if they are finer.
pub(super) fn fraction(digits: &[u8]) -> Option<i64> {
    let (kept, finer) = digits.split_at(digits.len().min(6));
    if finer.iter().any(|digit| *digit != b'0') {
        return None;
    }
    let value = kept.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    // At most six digits.
    Some(value * 10i64.pow(6 - kept.len() as u32))
}

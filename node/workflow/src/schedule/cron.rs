use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

/// A field of a cron expression: name, smallest and largest value, and names for them.
type Field = (&'static str, u8, u8, &'static [&'static str]);

const MINUTE: Field = ("minute", 0, 59, &[]);
const HOUR: Field = ("hour", 0, 23, &[]);
const DAY: Field = ("day of month", 1, 31, &[]);
const MONTH: Field = ("month", 1, 12, &MONTHS);
/// 0 and 7 are Sunday.
const WEEKDAY: Field = ("day of week", 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]);
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const SHORTHANDS: [(&str, &str); 5] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
];

const EVERY_HOUR: u64 = (1 << 24) - 1;
/// After so many days of leap years without exception every pair of date and weekday has come.
const CALENDAR_DAYS: usize = 28 * 366;

/// Minutes of the calendar, without a time zone: a cron expression of five fields, as Paul Vixie's cron reads them, or one
/// of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
///
/// Fields are minute, hour, day of month, month, day of week; each a list of `*`, `n` or `n-m` with an optional `/step`,
/// where `n/step` goes on to the field's largest value. When both the day of month and the day of week are restricted, a
/// day fits that fits either of them; a field that begins with `*` does not count as restricted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day has to fit one of `days` and `weekdays`, rather than both.
    either_day: bool,
}

/// Why a text is not a cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// A word with `@` that means nothing.
    #[error("`{0}` is not one of @hourly, @daily, @weekly, @monthly, @yearly")]
    Shorthand(String),
    /// Not five fields.
    #[error("a cron expression has 5 fields, not {0}")]
    Fields(usize),
    /// A field that cannot be read.
    #[error("`{text}` is not valid for the {field} ({least} to {most})")]
    Field { text: String, field: &'static str, least: u8, most: u8 },
    /// A date that no year has.
    #[error("`{0}` never comes: no month it names has such a day")]
    Never(String),
}

impl Cron {
    /// Whether it ticks on a day.
    pub(super) fn fits(&self, date: NaiveDate) -> bool {
        let has = |set: u64, value: u32| set >> value & 1 == 1;
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().num_days_from_sunday());
        has(self.months, date.month()) && if self.either_day { day || weekday } else { day && weekday }
    }

    /// Whether it ticks in an hour, 0 to 23, of a day that fits.
    pub(super) fn fits_hour(&self, hour: u32) -> bool {
        self.hours >> hour & 1 == 1
    }

    /// Whether it ticks in a minute, 0 to 59, of an hour that fits.
    pub(super) fn fits_minute(&self, minute: u32) -> bool {
        self.minutes >> minute & 1 == 1
    }

    /// Whether it ticks in every hour of a day, so that it means a distance rather than times of day.
    pub(super) fn is_hourly(&self) -> bool {
        self.hours == EVERY_HOUR
    }
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let expression = match text.trim() {
            word if word.starts_with('@') => {
                let known = SHORTHANDS.iter().find(|(name, _)| *name == word);
                known.ok_or_else(|| CronError::Shorthand(word.to_owned()))?.1
            }
            expression => expression,
        };
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(CronError::Fields(fields.len()));
        };
        let weekdays = set(weekday, &WEEKDAY)?;
        let cron = Self {
            text: text.trim().to_owned(),
            minutes: set(minute, &MINUTE)?,
            hours: set(hour, &HOUR)?,
            days: set(day, &DAY)?,
            months: set(month, &MONTH)?,
            weekdays: weekdays & 0x7f | weekdays >> 7,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        // 2000 to 2027: one whole turn of weekdays and leap years.
        let first = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default();
        match first.iter_days().take(CALENDAR_DAYS).any(|date| cron.fits(date)) {
            true => Ok(cron),
            false => Err(CronError::Never(cron.text)),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The values of a field, a bit each.
fn set(text: &str, field: &Field) -> Result<u64, CronError> {
    let &(name, least, most, _) = field;
    let invalid = || CronError::Field { text: text.to_owned(), field: name, least, most };
    text.split(',').try_fold(0, |all, part| Some(all | values(part, field)?)).ok_or_else(invalid)
}

/// `*`, `n` or `n-m`, each with an optional `/step`.
fn values(part: &str, &(_, least, most, names): &Field) -> Option<u64> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
        None => (part, None),
    };
    let value = |text: &str| {
        let lower = text.to_lowercase();
        let named = names.iter().position(|name| *name == lower);
        let value = match named {
            Some(position) => u8::try_from(position).ok()?.checked_add(least),
            None => number(text),
        };
        value.filter(|value| (least..=most).contains(value))
    };
    let (from, to) = match range.split_once('-') {
        _ if range == "*" => (least, most),
        Some((from, to)) => (value(from)?, value(to)?),
        None => {
            let from = value(range)?;
            (from, if step.is_some() { most } else { from })
        }
    };
    (from <= to)
        .then(|| (from..=to).step_by(usize::from(step.unwrap_or(1))).fold(0, |all, value| all | 1 << value))
}

fn number(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Cron {
        text.parse().unwrap()
    }

    fn bits(values: impl IntoIterator<Item = u8>) -> u64 {
        values.into_iter().fold(0, |all, value| all | 1 << value)
    }

    #[test]
    fn valid_expressions_are_read() {
        let read = cron("*/20 0-6,18 1 JAN-mar sun");
        assert_eq!(read.minutes, bits([0, 20, 40]));
        assert_eq!(read.hours, bits([0, 1, 2, 3, 4, 5, 6, 18]));
        assert_eq!((read.days, read.months, read.weekdays), (bits([1]), bits([1, 2, 3]), bits([0])));
        assert_eq!(cron("5/10 * * * *").minutes, bits([5, 15, 25, 35, 45, 55]));
        assert_eq!(cron("10-30/7 * * * *").minutes, bits([10, 17, 24]));
        assert_eq!(cron("0 0 * * 5-7").weekdays, bits([0, 5, 6]));
        assert_eq!(cron(" 0 0  * * */7 ").weekdays, bits([0]));
        assert_eq!(cron("*/255 * * * *").minutes, bits([0]));
        for (word, expression) in SHORTHANDS {
            assert_eq!(Cron { text: String::new(), ..cron(word) }, {
                Cron { text: String::new(), ..cron(expression) }
            });
            assert_eq!(cron(word).to_string(), word);
        }
        assert!(cron("@hourly").is_hourly() && cron("0 0-23 * * *").is_hourly());
        assert!(!cron("0 0-22 * * *").is_hourly());
    }

    #[test]
    fn invalid_ones_say_which_field() {
        for (text, part) in [
            ("60 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day of month"),
            ("* * 32 * *", "day of month"),
            ("* * * foo *", "month"),
            ("* * * * 6-1", "day of week"),
            ("* * * * 8", "day of week"),
            ("*/0 * * * *", "minute"),
            ("*/ * * * *", "minute"),
            ("*/256 * * * *", "minute"),
            ("1, * * * *", "minute"),
            ("1-2-3 * * * *", "minute"),
            ("*-5 * * * *", "minute"),
            ("* * * *", "5 fields"),
            ("* * * * * *", "5 fields"),
            ("", "5 fields"),
            ("+1 * * * *", "minute"),
            ("@noon", "@daily"),
            ("0 0 30 feb *", "never comes"),
            ("0 0 31 4,6,9,11 *", "never comes"),
        ] {
            assert!(text.parse::<Cron>().is_err_and(|error| error.to_string().contains(part)), "{text}");
        }
    }

    #[test]
    fn days_fit_as_in_vixie_cron() {
        let date = |day| NaiveDate::from_ymd_opt(2024, 3, day).unwrap();
        // The 11th is a Monday.
        let fitting = |text: &str| {
            let cron = cron(text);
            (1..=31).filter(|day| cron.fits(date(*day))).collect::<Vec<_>>()
        };
        assert_eq!(fitting("0 0 13 * mon"), [4, 11, 13, 18, 25]);
        assert_eq!(fitting("0 0 13 * *"), [13]);
        assert_eq!(fitting("0 0 * * mon"), [4, 11, 18, 25]);
        assert_eq!(fitting("0 0 */10 * mon"), [11], "both, as a star does not restrict");
        assert_eq!(fitting("0 0 * 2 *"), [0; 0]);
        assert!(cron("0 0 29 2 */7").fits(NaiveDate::from_ymd_opt(2032, 2, 29).unwrap()));
    }
}

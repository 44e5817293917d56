//! The proleptic Gregorian calendar with astronomical years (0 is 1 BC), without limits of its own. The algorithms are
//! those of <https://howardhinnant.github.io/date_algorithms.html>.

use std::fmt::Write as _;

use arrow::datatypes::TimeUnit;

pub(super) use crate::copy::{DAY_MICROS, EPOCH_MICROS};

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
pub(super) const EPOCH_DAYS: i64 = crate::copy::EPOCH_DAYS as i64;

/// Days since 1970-01-01; nothing if there is no such day.
pub(super) fn days(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_of_year = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_of_year + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Year, month and day.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_of_year = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_of_year + 2) / 5 + 1;
    let month = if month_of_year < 10 { month_of_year + 3 } else { month_of_year - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Whether RFC 3339 has a form for the year of this day.
pub(super) fn has_four_digits(days: i64) -> bool {
    (0..=9999).contains(&date(days).0)
}

/// A day since 1970-01-01 in ISO 8601.
pub(super) fn date_text(days: i64) -> String {
    let (year, month, day) = date(days);
    let sign = match year {
        ..0 => "-",
        0..=9999 => "",
        _ => "+",
    };
    format!("{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs())
}

/// How many of a unit a second has.
pub(super) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// A moment since 1970-01-01 in ISO 8601, with `Z` if it is in UTC.
pub(super) fn timestamp_text(value: i64, unit: TimeUnit, utc: bool) -> String {
    let per_day = per_second(unit) * 86_400;
    let mut text = date_text(value.div_euclid(per_day));
    text.push('T');
    text.push_str(&time_text(value.rem_euclid(per_day), unit));
    if utc {
        text.push('Z');
    }
    text
}

/// A time of day, or any number of a unit since midnight, in ISO 8601.
pub(super) fn time_text(value: i64, unit: TimeUnit) -> String {
    let per_second = per_second(unit);
    let (seconds, fraction) = (value.unsigned_abs() / per_second.unsigned_abs(), value % per_second);
    let sign = if value < 0 { "-" } else { "" };
    let mut text = format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let width = per_second.ilog10() as usize;
        // Writing to a string cannot fail.
        let _ = write!(text, ".{:0width$}", fraction.unsigned_abs());
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

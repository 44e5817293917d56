//! Times by patterns of `strftime`, and the beginnings of days, months and the like, in a time zone.

use std::fmt::Write;

use chrono::format::{Item, ParseErrorKind, Parsed, StrftimeItems, parse as parse_items};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

use crate::failure::Failure;
use crate::time::{SECOND, checked_timestamp, shortened, utc};
use crate::zone::Zone;

/// Longest pattern in bytes.
const LONGEST_PATTERN: usize = 1024;

fn check(pattern: &str) -> Result<(), Failure> {
    if pattern.len() > LONGEST_PATTERN || StrftimeItems::new(pattern).any(|item| item == Item::Error) {
        return Err(invalid_pattern(pattern));
    }
    Ok(())
}

fn invalid_pattern(pattern: &str) -> Failure {
    let message = format!("`{}` is not a pattern such as %Y-%m-%d %H:%M:%S", shortened(pattern));
    Failure::new("invalid_pattern", message)
}

/// Writes a time by a pattern.
pub(crate) fn format(nanos: i128, pattern: &str, zone: Zone) -> Result<String, Failure> {
    check(pattern)?;
    let moment = utc(nanos)?;
    let local = moment.with_timezone(&zone.offset_at(&moment));
    let mut text = String::new();
    write!(text, "{}", local.format(pattern)).map_err(|_| invalid_pattern(pattern))?;
    Ok(text)
}

/// Reads a time by a pattern; a date without a time is its midnight.
pub(crate) fn parse(text: &str, pattern: &str, zone: Zone) -> Result<i128, Failure> {
    check(pattern)?;
    let invalid = |why: String| {
        let message =
            format!("`{}` does not fit the pattern `{}`: {why}", shortened(text), shortened(pattern));
        Failure::new("invalid_timestamp", message)
    };
    let mut parsed = Parsed::new();
    parse_items(&mut parsed, text, StrftimeItems::new(pattern)).map_err(|error| match error.kind() {
        ParseErrorKind::BadFormat => invalid_pattern(pattern),
        _ => invalid(error.to_string()),
    })?;
    if let Ok(moment) = parsed.to_datetime() {
        return nanos(&moment.with_timezone(&Utc));
    }
    let time = parsed.to_naive_time();
    let local = match (parsed.to_naive_datetime_with_offset(0), time) {
        (Ok(local), _) => local,
        (Err(_), Err(error))
            if error.kind() == ParseErrorKind::NotEnough && parsed.hour_mod_12().is_none() =>
        {
            let date = parsed.to_naive_date().map_err(|error| invalid(error.to_string()))?;
            date.and_time(NaiveTime::MIN)
        }
        (Err(error), _) => return Err(invalid(error.to_string())),
    };
    let moment = zone.moment(&local).ok_or_else(|| invalid("clocks of the time zone skip it".to_owned()))?;
    nanos(&moment)
}

/// The beginning of the unit that the time lies in.
pub(crate) fn truncate(time: i128, unit: &str, zone: Zone) -> Result<i128, Failure> {
    let moment = utc(time)?;
    let local = moment.with_timezone(&zone.offset_at(&moment)).naive_local();
    let Some(start) = start(&local, unit) else {
        let units = "year, quarter, month, week, day, hour, minute or second";
        let message = format!("`{}` is not one of {units}", shortened(unit));
        return Err(Failure::new("invalid_unit", message));
    };
    let elapsed = local.signed_duration_since(start);
    if matches!(unit, "hour" | "minute" | "second") {
        // Counted back, so that of two hours with one number the right one is begun.
        return nanos(&(moment - elapsed));
    }
    let begun = zone.moment_from(&start).ok_or_else(|| Failure::overflow(format_args!("the timestamp")))?;
    nanos(&begun)
}

fn start(local: &NaiveDateTime, unit: &str) -> Option<NaiveDateTime> {
    let date = local.date();
    let first = |month: u32| NaiveDate::from_ymd_opt(date.year(), month, 1);
    let day = match unit {
        "year" => first(1)?,
        "quarter" => first(date.month0() / 3 * 3 + 1)?,
        "month" => first(date.month())?,
        "week" => date - TimeDelta::days(i64::from(date.weekday().num_days_from_monday())),
        "day" | "hour" | "minute" | "second" => date,
        _ => return None,
    };
    let time = match unit {
        "hour" => NaiveTime::from_hms_opt(local.hour(), 0, 0)?,
        "minute" => NaiveTime::from_hms_opt(local.hour(), local.minute(), 0)?,
        "second" => NaiveTime::from_hms_opt(local.hour(), local.minute(), local.second())?,
        _ => NaiveTime::MIN,
    };
    Some(day.and_time(time))
}

fn nanos(moment: &DateTime<Utc>) -> Result<i128, Failure> {
    checked_timestamp(i128::from(moment.timestamp()) * SECOND + i128::from(moment.timestamp_subsec_nanos()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::time::{timestamp_from_string, timestamp_to_string};

    #[test]
    fn patterns_write_and_read() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let moment = timestamp_from_string("2024-07-01T22:15:30.5Z").unwrap();
        assert_eq!(
            format(moment, "%Y-%m-%d %H:%M:%S%.3f %z", berlin).unwrap(),
            "2024-07-02 00:15:30.500 +0200"
        );
        for (text, pattern, expected) in [
            ("2024-07-02 00:15", "%Y-%m-%d %H:%M", "2024-07-01T22:15:00Z"),
            ("2024-07-02", "%Y-%m-%d", "2024-07-01T22:00:00Z"),
            ("02 Jan 2006 3:04 PM", "%d %b %Y %I:%M %p", "2006-01-02T14:04:00Z"),
            ("2024-07-02T00:15:00-05:00", "%Y-%m-%dT%H:%M:%S%:z", "2024-07-02T05:15:00Z"),
            ("1720000000", "%s", "2024-07-03T09:46:40Z"),
        ] {
            let found = parse(text, pattern, berlin).unwrap();
            assert_eq!(timestamp_to_string(found).unwrap(), expected, "{text}");
        }
        for (text, pattern, code) in [
            ("2024-13-01", "%Y-%m-%d", "invalid_timestamp"),
            ("2024-01-01 x", "%Y-%m-%d", "invalid_timestamp"),
            ("2024-03-31 02:30", "%Y-%m-%d %H:%M", "invalid_timestamp"),
            ("2024-01-01 5", "%Y-%m-%d %I", "invalid_timestamp"),
            ("12:00", "%H:%M", "invalid_timestamp"),
            ("2024", "%Q", "invalid_pattern"),
        ] {
            assert_eq!(parse(text, pattern, berlin).unwrap_err().code, code, "{text}");
        }
        assert_eq!(format(moment, "%", Zone::UTC).unwrap_err().code, "invalid_pattern");
        assert_eq!(format(moment, &"%Y".repeat(600), Zone::UTC).unwrap_err().code, "invalid_pattern");
    }

    #[test]
    fn beginnings_follow_the_clocks_of_the_zone() {
        for (time, unit, zone, expected) in [
            ("2024-05-17T13:45:59.9Z", "year", "UTC", "2024-01-01T00:00:00Z"),
            ("2024-05-17T13:45:59.9Z", "quarter", "UTC", "2024-04-01T00:00:00Z"),
            ("2024-05-17T13:45:59.9Z", "month", "Europe/Berlin", "2024-04-30T22:00:00Z"),
            ("2024-05-19T23:00:00Z", "week", "Europe/Berlin", "2024-05-19T22:00:00Z"),
            ("2024-05-17T13:45:59.9Z", "hour", "Asia/Kolkata", "2024-05-17T13:30:00Z"),
            ("2024-05-17T13:45:59.9Z", "second", "UTC", "2024-05-17T13:45:59Z"),
            // The second of the two hours from 02:00 to 03:00.
            ("2024-10-27T01:30:00Z", "hour", "Europe/Berlin", "2024-10-27T01:00:00Z"),
            ("2024-10-27T01:30:00Z", "day", "Europe/Berlin", "2024-10-26T22:00:00Z"),
            // Midnight was skipped.
            ("2018-11-04T12:00:00Z", "day", "America/Sao_Paulo", "2018-11-04T03:00:00Z"),
            ("1960-01-01T00:00:00.5Z", "minute", "UTC", "1960-01-01T00:00:00Z"),
        ] {
            let zone = Zone::parse(zone).unwrap();
            let found = truncate(timestamp_from_string(time).unwrap(), unit, zone).unwrap();
            assert_eq!(timestamp_to_string(found).unwrap(), expected, "{time} {unit}");
        }
        assert_eq!(truncate(0, "days", Zone::UTC).unwrap_err().code, "invalid_unit");
        let west = Zone::parse("-05:00").unwrap();
        assert_eq!(
            truncate(crate::time::timestamp_from_string("0001-01-01T00:00:00Z").unwrap(), "year", west)
                .unwrap_err()
                .code,
            "overflow"
        );
    }
}

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use etl_sdk::FieldError;

use super::convert::Failure;
use crate::cells::{SECOND, shortened};

/// How moments and days are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    format: Format,
    /// For texts without a zone or offset; UTC by default.
    zone: Option<Tz>,
}

#[derive(Debug, Clone, PartialEq)]
enum Format {
    /// RFC 3339 for moments, `2026-01-31` for days.
    Standard,
    /// Counts of so many nanoseconds since 1970.
    Unix(i128),
    Pattern(Vec<Item<'static>>),
}

/// How many days chrono counts before 1970.
pub(super) const DAYS_BEFORE_1970: i32 = 719_163;

impl Moments {
    /// RFC 3339 in UTC.
    pub fn standard() -> Self {
        Self { format: Format::Standard, zone: None }
    }

    /// Whether texts have the standard form, so that a moment among them names its offset.
    pub fn is_standard(&self) -> bool {
        self.format == Format::Standard
    }

    /// Reads `format` and `timezone` as they are written in a workflow.
    pub fn parse(format: Option<&str>, zone: Option<&str>) -> Result<Self, FieldError> {
        let format = match format {
            None => Format::Standard,
            Some("unix") => Format::Unix(SECOND),
            Some("unix_ms") => Format::Unix(1_000_000),
            Some("unix_us") => Format::Unix(1000),
            Some("unix_ns") => Format::Unix(1),
            Some(pattern) => {
                let items: Vec<Item<'static>> =
                    StrftimeItems::new(pattern).map(|item| item.to_owned()).collect();
                let plain = |item: &Item<'_>| {
                    matches!(
                        item,
                        Item::Literal(_) | Item::Space(_) | Item::OwnedLiteral(_) | Item::OwnedSpace(_)
                    )
                };
                if items.iter().any(|item| matches!(item, Item::Error)) || items.iter().all(plain) {
                    let message = format!("`{}` is not a format of times", shortened(pattern));
                    let help =
                        "write parts such as `%d.%m.%Y %H:%M:%S`, or unix, unix_ms, unix_us or unix_ns";
                    return Err(FieldError::new("invalid_format", message).at("format").with_help(help));
                }
                Format::Pattern(items)
            }
        };
        let zone = zone.map(|name| {
            name.parse::<Tz>().map_err(|_| {
                let message = format!("`{}` is not a time zone such as Europe/Berlin", shortened(name));
                FieldError::new("invalid_timezone", message).at("timezone")
            })
        });
        Ok(Self { format, zone: zone.transpose()? })
    }

    /// Nanoseconds since 1970 of a text.
    pub fn moment(&self, text: &str) -> Result<i128, Failure> {
        match &self.format {
            Format::Standard => match DateTime::parse_from_rfc3339(text) {
                Ok(moment) => checked(nanos(moment.naive_utc())),
                Err(error) => Err(Failure::new(
                    "invalid_timestamp",
                    format!("`{}` is not a timestamp such as 2024-02-29T12:30:00Z: {error}", shortened(text)),
                )),
            },
            Format::Unix(_) => match text.parse() {
                Ok(count) => self.count(count),
                Err(_) => {
                    let message = format!("`{}` is not a count of time since 1970", shortened(text));
                    Err(Failure::new("invalid_timestamp", message))
                }
            },
            Format::Pattern(items) => {
                let parsed = read(text, items)?;
                let offset = parsed.offset();
                let local = parsed.to_naive_datetime_with_offset(offset.unwrap_or(0)).or_else(|error| {
                    // A format without a time of day means the day's begin.
                    let whole = parsed.hour_div_12().is_none() && parsed.hour_mod_12().is_none();
                    let begin = |date: NaiveDate| date.and_hms_opt(0, 0, 0).ok_or(error);
                    if whole { parsed.to_naive_date().and_then(begin) } else { Err(error) }
                });
                let local = local.map_err(|error| unreadable(text, &error.to_string()))?;
                match (offset, parsed.timestamp(), &self.zone) {
                    (Some(offset), _, _) => checked(nanos(local) - i128::from(offset) * SECOND),
                    (None, None, Some(zone)) => self.in_zone(text, local, *zone),
                    _ => checked(nanos(local)),
                }
            }
        }
    }

    fn in_zone(&self, text: &str, local: NaiveDateTime, zone: Tz) -> Result<i128, Failure> {
        let often = match zone.from_local_datetime(&local) {
            LocalResult::Single(moment) => return checked(nanos(moment.naive_utc())),
            LocalResult::Ambiguous(..) => "twice",
            LocalResult::None => "never",
        };
        let message = format!("`{}` is {often} on the clock of {zone}", shortened(text));
        Err(Failure::new("invalid_timestamp", message))
    }

    /// Nanoseconds since 1970 of a number, which counts seconds without a format.
    pub fn count(&self, count: i128) -> Result<i128, Failure> {
        let unit = match self.format {
            Format::Unix(unit) => unit,
            _ => SECOND,
        };
        checked(count.checked_mul(unit).unwrap_or(i128::MAX))
    }

    /// Days since 1970 of a text.
    pub fn day(&self, text: &str) -> Result<i32, Failure> {
        let date = match &self.format {
            Format::Standard => NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|error| {
                let message = format!("`{}` is not a date such as 2024-02-29: {error}", shortened(text));
                Failure::new("invalid_date", message)
            })?,
            Format::Unix(_) => return self.day_of(self.moment(text)?),
            Format::Pattern(items) => {
                read(text, items)?.to_naive_date().map_err(|error| unreadable(text, &error.to_string()))?
            }
        };
        if !(1..=9999).contains(&date.year()) {
            return Err(Failure::new("overflow", "the date is out of range".to_owned()));
        }
        Ok(date.num_days_from_ce() - DAYS_BEFORE_1970)
    }

    /// The day of a moment on the clock of the zone.
    pub fn day_of(&self, nanos: i128) -> Result<i32, Failure> {
        let moment = utc(nanos).ok_or_else(out_of_range)?;
        let date = match &self.zone {
            Some(zone) => moment.with_timezone(zone).date_naive(),
            None => moment.date_naive(),
        };
        Ok(date.num_days_from_ce() - DAYS_BEFORE_1970)
    }
}

fn read(text: &str, items: &[Item<'static>]) -> Result<Parsed, Failure> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, items.iter()).map_err(|error| unreadable(text, &error.to_string()))?;
    Ok(parsed)
}

fn unreadable(text: &str, error: &str) -> Failure {
    Failure::new("invalid_timestamp", format!("`{}` does not have the format: {error}", shortened(text)))
}

fn out_of_range() -> Failure {
    Failure::new("overflow", "the timestamp is out of range".to_owned())
}

fn nanos(moment: NaiveDateTime) -> i128 {
    let moment = moment.and_utc();
    i128::from(moment.timestamp()) * SECOND + i128::from(moment.timestamp_subsec_nanos())
}

fn utc(nanos: i128) -> Option<DateTime<Utc>> {
    let seconds = i64::try_from(nanos.div_euclid(SECOND)).ok()?;
    DateTime::from_timestamp(seconds, u32::try_from(nanos.rem_euclid(SECOND)).ok()?)
}

/// The moment, if it lies in the years 1 to 9999 as those of expressions do.
fn checked(nanos: i128) -> Result<i128, Failure> {
    let within = utc(nanos).is_some_and(|moment| (1..=9999).contains(&moment.year()));
    if within { Ok(nanos) } else { Err(out_of_range()) }
}

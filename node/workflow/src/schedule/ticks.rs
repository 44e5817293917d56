use chrono::{
    DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use serde::Serialize;

use super::as_text;
use super::cron::{Cron, CronError};

const MINUTE_MS: u64 = 60_000;
/// After the year 255,000 there are no ticks; soon after that the calendar ends.
const END_MS: u64 = 8_000_000_000_000_000;
/// A date that fits comes within so many days; the rarest one, a 29 February on a certain weekday, within forty years.
const HORIZON_DAYS: usize = 45 * 366;
/// No clock differs from UTC by more.
const FARTHEST: TimeDelta = TimeDelta::hours(15);
/// Minutes in which a day passes on any clock, whatever its zone does with it.
const DAY_MINUTES: u64 = 52 * 60;

/// The moments of a cron expression in a time zone, in milliseconds since 1970; all are at the beginning of a minute.
///
/// Where the clock is changed, it does what Vixie's cron does (as ISC cron, Debian and cronie have it). An expression that
/// ticks in every hour means a distance: it ticks in every minute whose reading fits, in a repeated hour twice, in a
/// skipped one not at all. All others mean times of day: what falls into a gap ticks once at the first moment after it,
/// and what the clock reads twice ticks the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ticks {
    #[serde(rename = "schedule", serialize_with = "as_text")]
    cron: Cron,
    #[serde(rename = "timezone", serialize_with = "as_text")]
    zone: Tz,
}

/// Why there are no ticks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicksError {
    /// The expression cannot be read.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// A name that the IANA database does not have.
    #[error("`{0}` is not a time zone of the IANA database")]
    Zone(String),
}

impl Ticks {
    /// Of an expression and a zone.
    pub fn new(cron: Cron, zone: Tz) -> Self {
        Self { cron, zone }
    }

    /// Of their texts.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn parse(cron: &str, timezone: &str) -> Result<Self, TicksError> {
        let zone = timezone.parse().map_err(|_| TicksError::Zone(timezone.to_owned()))?;
        Ok(Self::new(cron.parse()?, zone))
    }

    /// The expression, as it was written.
    pub fn cron(&self) -> String {
        self.cron.to_string()
    }

    /// The IANA name of the zone.
    pub fn timezone(&self) -> &'static str {
        self.zone.name()
    }

    /// The first tick after a moment. `None` only after the year 255,000.
    pub fn next_after(&self, ms: u64) -> Option<u64> {
        if ms >= END_MS {
            return None;
        }
        match self.cron.is_hourly() {
            true => self.next_distance(ms),
            false => self.next_time_of_day(ms),
        }
    }

    /// Goes through minutes as they pass.
    fn next_distance(&self, ms: u64) -> Option<u64> {
        let mut minute = ms / MINUTE_MS + 1;
        loop {
            let date = self.local(minute * MINUTE_MS)?.date();
            if !self.cron.fits(date) {
                // Just before the next day that fits, wherever the clock stands then.
                let next = self.dates(date).find(|next| *next > date)?;
                let before = next.and_time(NaiveTime::MIN).and_utc().checked_sub_signed(FARTHEST)?;
                minute = minute.max(to_ms(before) / MINUTE_MS);
            }
            for _ in 0..DAY_MINUTES {
                let local = self.local(minute * MINUTE_MS)?;
                if self.cron.fits_minute(local.minute()) && self.cron.fits(local.date()) {
                    return Some(minute * MINUTE_MS);
                }
                minute += 1;
            }
        }
    }

    /// Goes through readings of the clock; their moments are in the same order.
    fn next_time_of_day(&self, ms: u64) -> Option<u64> {
        // A day that is left out altogether ticks with the next one.
        let today = self.local(ms)?.date();
        let first = today.pred_opt().and_then(|day| day.pred_opt()).unwrap_or(today);
        let hours = || (0..24).filter(|hour| self.cron.fits_hour(*hour));
        let minutes = || (0..60).filter(|minute| self.cron.fits_minute(*minute));
        for date in self.dates(first) {
            for hour in hours() {
                // Most days lie ahead of the moment as a whole, most hours of the first ones behind it.
                let last = self.moment(date.and_hms_opt(hour, 59, 0)?)?;
                if last <= ms {
                    continue;
                }
                for minute in minutes() {
                    let tick = self.moment(date.and_hms_opt(hour, minute, 0)?)?;
                    if tick > ms {
                        return Some(tick);
                    }
                }
            }
        }
        None
    }

    /// Days that fit, from one on.
    fn dates(&self, from: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        from.iter_days().take(HORIZON_DAYS).filter(|date| self.cron.fits(*date))
    }

    /// What the clock reads at a moment.
    fn local(&self, ms: u64) -> Option<NaiveDateTime> {
        let moment = DateTime::from_timestamp_millis(i64::try_from(ms).ok()?)?;
        Some(moment.with_timezone(&self.zone).naive_local())
    }

    /// When the clock reads this, for the first time, or the first moment after it when it never does.
    fn moment(&self, local: NaiveDateTime) -> Option<u64> {
        match self.zone.from_local_datetime(&local) {
            MappedLocalTime::Single(moment) => Some(to_ms(moment.to_utc())),
            MappedLocalTime::Ambiguous(first, second) => Some(to_ms(first.min(second).to_utc())),
            MappedLocalTime::None => self.after_gap(local),
        }
    }

    /// The first moment at which the clock reads more than `local`, which it never reads.
    fn after_gap(&self, local: NaiveDateTime) -> Option<u64> {
        let around = local.and_utc();
        let mut before = to_ms(around.checked_sub_signed(FARTHEST)?) / MINUTE_MS;
        let mut after = to_ms(around.checked_add_signed(FARTHEST)?) / MINUTE_MS + 1;
        while before + 1 < after {
            let middle = before.midpoint(after);
            match self.local(middle * MINUTE_MS)? < local {
                true => before = middle,
                false => after = middle,
            }
        }
        Some(after * MINUTE_MS)
    }
}

/// 0 before 1970.
fn to_ms(moment: DateTime<Utc>) -> u64 {
    u64::try_from(moment.timestamp_millis()).unwrap_or(0)
}

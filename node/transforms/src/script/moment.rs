use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use rhai::{Engine, EvalAltResult};

use crate::cells::{SECOND, shortened};

/// A time or a date, as scripts see the values of such columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// Nanoseconds since 1970 in UTC.
    pub nanos: i128,
    /// Whether it is a whole day.
    pub is_date: bool,
}

type Called<T> = Result<T, Box<EvalAltResult>>;

impl Moment {
    /// Reads RFC 3339.
    pub fn time(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        let nanos = i128::from(time.timestamp()) * SECOND + i128::from(time.timestamp_subsec_nanos());
        Some(Self { nanos, is_date: false })
    }

    /// Reads `2024-02-29`.
    pub fn date(text: &str) -> Option<Self> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        let seconds = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        Some(Self { nanos: i128::from(seconds) * SECOND, is_date: true })
    }

    fn utc(self) -> Option<DateTime<Utc>> {
        let seconds = i64::try_from(self.nanos.div_euclid(SECOND)).ok()?;
        DateTime::from_timestamp(seconds, u32::try_from(self.nanos.rem_euclid(SECOND)).ok()?)
    }

    /// RFC 3339 or `2024-02-29`.
    pub fn text(self) -> String {
        let Some(time) = self.utc() else { return format!("{}ns", self.nanos) };
        if self.is_date {
            return time.format("%Y-%m-%d").to_string();
        }
        time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
    }

    fn part(self, part: impl Fn(DateTime<Utc>) -> i64) -> Called<i64> {
        self.utc().map(part).ok_or_else(|| "the time is out of range".into())
    }

    fn later(self, seconds: f64) -> Called<Self> {
        let moved = seconds * 1e9;
        // Far beyond any time that there is.
        if !moved.is_finite() || moved.abs() > 1e28 {
            return Err("the time is out of range".into());
        }
        Ok(Self { nanos: self.nanos + moved as i128, is_date: false })
    }
}

/// Gives scripts the type and its functions.
pub(crate) fn register(engine: &mut Engine) {
    let time = |text: &str| -> Called<Moment> {
        Moment::time(text).ok_or_else(|| format!("`{}` is not a time in RFC 3339", shortened(text)).into())
    };
    let date = |text: &str| -> Called<Moment> {
        Moment::date(text).ok_or_else(|| format!("`{}` is not a date", shortened(text)).into())
    };
    engine
        .register_type_with_name::<Moment>("Time")
        .register_fn("time", time)
        .register_fn("date", date)
        .register_fn("to_string", |moment: &mut Moment| moment.text())
        .register_fn("to_debug", |moment: &mut Moment| moment.text())
        .register_fn("==", |a: Moment, b: Moment| a.nanos == b.nanos)
        .register_fn("!=", |a: Moment, b: Moment| a.nanos != b.nanos)
        .register_fn("<", |a: Moment, b: Moment| a.nanos < b.nanos)
        .register_fn("<=", |a: Moment, b: Moment| a.nanos <= b.nanos)
        .register_fn(">", |a: Moment, b: Moment| a.nanos > b.nanos)
        .register_fn(">=", |a: Moment, b: Moment| a.nanos >= b.nanos)
        .register_fn("-", |a: Moment, b: Moment| (a.nanos - b.nanos) as f64 / 1e9)
        .register_fn("+", |a: Moment, seconds: i64| a.later(seconds as f64))
        .register_fn("+", |a: Moment, seconds: f64| a.later(seconds))
        .register_fn("-", |a: Moment, seconds: i64| a.later(-(seconds as f64)))
        .register_fn("-", |a: Moment, seconds: f64| a.later(-seconds))
        .register_get("year", |moment: &mut Moment| moment.part(|time| i64::from(time.year())))
        .register_get("month", |moment: &mut Moment| moment.part(|time| i64::from(time.month())))
        .register_get("day", |moment: &mut Moment| moment.part(|time| i64::from(time.day())))
        .register_get("hour", |moment: &mut Moment| moment.part(|time| i64::from(time.hour())))
        .register_get("minute", |moment: &mut Moment| moment.part(|time| i64::from(time.minute())))
        .register_get("second", |moment: &mut Moment| moment.part(|time| i64::from(time.second())))
        .register_get("unix", |moment: &mut Moment| moment.part(|time| time.timestamp()));
}

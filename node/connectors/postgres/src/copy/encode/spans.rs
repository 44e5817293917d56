use arrow::array::{Array, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, TimeUnit,
};

use crate::types::Kind;

use super::calendar::per_second;
use super::cell_writer::{Writer, primitive, put};
use super::fault::{Fault, Outcome};
use super::moments::micros;
use super::target::{Limit, Target};

/// An interval of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) months: i32,
    pub(super) days: i32,
    pub(super) micros: i64,
}

/// What the modifiers of `interval` keep; the server drops the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpanLimit {
    /// The fields, such as `day to minute`; all if empty.
    pub(super) unit: &'static str,
    /// Microseconds of which the seconds are a multiple.
    pub(super) step: i64,
}

impl SpanLimit {
    /// Whether a span is kept whole (`AdjustIntervalForTypmod` of PostgreSQL's `timestamp.c`).
    fn keeps(&self, span: Span) -> bool {
        let last = self.unit.rsplit(' ').next().unwrap_or_default();
        let multiple = match last {
            "minute" => 60_000_000,
            "hour" => 3_600_000_000,
            _ => self.step,
        };
        match last {
            "year" => span.months % 12 == 0 && span.days == 0 && span.micros == 0,
            "month" => span.days == 0 && span.micros == 0,
            "day" => span.micros == 0,
            _ => span.micros % multiple == 0,
        }
    }
}

impl Span {
    /// Above every other one, since PostgreSQL 17.
    pub(super) const INFINITY: Self = Self { months: i32::MAX, days: i32::MAX, micros: i64::MAX };
    /// Below every other one.
    pub(super) const NEGATIVE_INFINITY: Self = Self { months: i32::MIN, days: i32::MIN, micros: i64::MIN };

    /// Appends it; `text` is shown in faults.
    pub(super) fn put(self, out: &mut Vec<u8>, target: &Target, text: impl Fn() -> String) -> Outcome {
        if self == Self::INFINITY || self == Self::NEGATIVE_INFINITY {
            return Err(Fault::out_of_range(text(), &target.name));
        }
        if let Limit::Span(limit) = target.limit
            && !limit.keeps(self)
        {
            return Err(Fault::new(
                "too_precise",
                format!("{} has parts that {} would cut off", text(), target.name),
                "make the table's column `interval`, or cut the parts off with a mapping",
            ));
        }
        self.put_unchecked(out);
        Ok(())
    }

    /// Appends it, also where it is infinite.
    pub(super) fn put_unchecked(self, out: &mut Vec<u8>) {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.micros.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.days.to_be_bytes());
        bytes[12..].copy_from_slice(&self.months.to_be_bytes());
        put(out, bytes);
    }
}

/// A column of durations or intervals.
pub(super) fn writer<'a>(array: &'a dyn Array, target: &'a Target) -> Option<Writer<'a>> {
    if target.kind != Kind::Interval {
        return None;
    }
    Some(match array.data_type() {
        DataType::Duration(unit) => match unit {
            TimeUnit::Second => duration::<DurationSecondType>(array, *unit, target),
            TimeUnit::Millisecond => duration::<DurationMillisecondType>(array, *unit, target),
            TimeUnit::Microsecond => duration::<DurationMicrosecondType>(array, *unit, target),
            TimeUnit::Nanosecond => duration::<DurationNanosecondType>(array, *unit, target),
        },
        DataType::Interval(IntervalUnit::YearMonth) => {
            primitive(array.as_primitive::<IntervalYearMonthType>(), move |months, out| {
                Span { months, days: 0, micros: 0 }.put(out, target, || interval_text(months, 0, 0))
            })
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            primitive(array.as_primitive::<IntervalDayTimeType>(), move |value, out| {
                let micros = i64::from(value.milliseconds) * 1000;
                Span { months: 0, days: value.days, micros }
                    .put(out, target, || interval_text(0, value.days, micros * 1000))
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            primitive(array.as_primitive::<IntervalMonthDayNanoType>(), move |value, out| {
                let text = || interval_text(value.months, value.days, value.nanoseconds);
                let micros = micros(value.nanoseconds, TimeUnit::Nanosecond)
                    .ok_or_else(|| Fault::too_precise(text(), &target.name))?;
                Span { months: value.months, days: value.days, micros }.put(out, target, text)
            })
        }
        _ => return None,
    })
}

fn duration<'a, T>(array: &'a dyn Array, unit: TimeUnit, target: &'a Target) -> Writer<'a>
where
    T: ArrowPrimitiveType<Native = i64>,
{
    primitive(array.as_primitive::<T>(), move |value, out| {
        let text = || duration_text(value, unit);
        match micros(value, unit) {
            Some(micros) => Span { months: 0, days: 0, micros }.put(out, target, text),
            None if unit == TimeUnit::Nanosecond => Err(Fault::too_precise(text(), &target.name)),
            None => Err(Fault::out_of_range(text(), &target.name)),
        }
    })
}

/// A duration in ISO 8601, in seconds alone: `PT-1.5S`.
pub(super) fn duration_text(value: i64, unit: TimeUnit) -> String {
    let per_second = per_second(unit);
    let sign = if value < 0 { "-" } else { "" };
    let seconds = value.unsigned_abs() / per_second.unsigned_abs();
    let mut text = format!("PT{sign}{seconds}");
    let fraction = (value % per_second).unsigned_abs();
    if fraction != 0 {
        let width = per_second.ilog10() as usize;
        text.push_str(format!(".{fraction:0width$}").trim_end_matches('0'));
    }
    text.push('S');
    text
}

/// An interval in ISO 8601, each part in one unit: `P14M3DT-1.5S`.
pub(super) fn interval_text(months: i32, days: i32, nanos: i64) -> String {
    let time = duration_text(nanos, TimeUnit::Nanosecond);
    match (months, days, nanos) {
        (0, 0, _) => time,
        (_, _, 0) => format!("P{months}M{days}D"),
        _ => format!("P{months}M{days}D{}", &time[1..]),
    }
}

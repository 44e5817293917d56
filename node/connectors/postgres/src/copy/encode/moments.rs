use arrow::array::{Array, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};

use crate::types::Kind;

use super::calendar::{self, DAY_MICROS, EPOCH_DAYS, EPOCH_MICROS};
use super::cell_writer::{Writer, primitive, put};
use super::fault::{Fault, Outcome};
use super::target::Target;

/// The first day of PostgreSQL's calendar, 4714-11-24 BC, since 2000-01-01.
const FIRST_DAY: i64 = -2_451_545;
/// The day after the last one of a date, 5874898-01-01 (`DATE_END_JULIAN` of `timestamp.h`).
const DATE_END: i64 = 2_147_483_494 + FIRST_DAY;
/// The first moment of a timestamp (`MIN_TIMESTAMP` of `timestamp.h`).
const FIRST_MOMENT: i64 = FIRST_DAY * DAY_MICROS;
/// The moment after the last one, 294277-01-01 (`END_TIMESTAMP` of `timestamp.h`).
const MOMENT_END: i64 = 9_223_371_331_200_000_000;

/// A column of dates, times of day or timestamps.
pub(super) fn writer<'a>(array: &'a dyn Array, target: &'a Target) -> Option<Writer<'a>> {
    match (array.data_type(), &target.kind) {
        (DataType::Date32, Kind::Date) => Some(primitive(array.as_primitive::<Date32Type>(), |days, out| {
            match days {
                i32::MAX | i32::MIN => put(out, days.to_be_bytes()),
                days => return put_date(out, days.into()),
            }
            Ok(())
        })),
        (DataType::Date64, Kind::Date) => {
            Some(primitive(array.as_primitive::<Date64Type>(), |millis, out| {
                const DAY_MILLIS: i64 = DAY_MICROS / 1000;
                if millis % DAY_MILLIS != 0 {
                    let text = calendar::timestamp_text(millis, TimeUnit::Millisecond, false);
                    return Err(Fault::new(
                        "too_precise",
                        format!("{text} is not a whole day"),
                        "make the table's column `timestamp`, or cut the time off with a mapping",
                    ));
                }
                put_date(out, millis / DAY_MILLIS)
            }))
        }
        (DataType::Time32(TimeUnit::Second), Kind::Time) => time::<Time32SecondType>(array, target),
        (DataType::Time32(_), Kind::Time) => time::<Time32MillisecondType>(array, target),
        (DataType::Time64(TimeUnit::Microsecond), Kind::Time) => time::<Time64MicrosecondType>(array, target),
        (DataType::Time64(_), Kind::Time) => time::<Time64NanosecondType>(array, target),
        (DataType::Timestamp(unit, zone), Kind::Timestamp | Kind::TimestampTz)
            if zone.is_some() == (target.kind == Kind::TimestampTz) =>
        {
            match unit {
                TimeUnit::Second => timestamp::<TimestampSecondType>(array, *unit, target),
                TimeUnit::Millisecond => timestamp::<TimestampMillisecondType>(array, *unit, target),
                TimeUnit::Microsecond => timestamp::<TimestampMicrosecondType>(array, *unit, target),
                TimeUnit::Nanosecond => timestamp::<TimestampNanosecondType>(array, *unit, target),
            }
        }
        _ => None,
    }
}

/// Appends a day since 1970-01-01.
pub(super) fn put_date(out: &mut Vec<u8>, days: i64) -> Outcome {
    let since = days - EPOCH_DAYS;
    if !(FIRST_DAY..DATE_END).contains(&since) {
        return Err(Fault::out_of_range(calendar::date_text(days), "date"));
    }
    // Within 32 bits by the check.
    put(out, (since as i32).to_be_bytes());
    Ok(())
}

fn time<'a, T>(array: &'a dyn Array, target: &'a Target) -> Option<Writer<'a>>
where
    T: ArrowPrimitiveType<Native: Into<i64>>,
{
    let (DataType::Time32(unit) | DataType::Time64(unit)) = *array.data_type() else { return None };
    let step = target.step();
    Some(primitive(array.as_primitive::<T>(), move |value, out| {
        let value: i64 = value.into();
        let text = || calendar::time_text(value, unit);
        let micros = match micros(value, unit) {
            Some(micros) => micros,
            None if unit == TimeUnit::Nanosecond => {
                return Err(Fault::too_precise(text(), &target.name));
            }
            None => return Err(Fault::out_of_range(text(), &target.name)),
        };
        if !(0..=DAY_MICROS).contains(&micros) {
            return Err(Fault::out_of_range(text(), &target.name));
        }
        if micros % step != 0 {
            return Err(Fault::too_precise(text(), &target.name));
        }
        put(out, micros.to_be_bytes());
        Ok(())
    }))
}

fn timestamp<'a, T>(array: &'a dyn Array, unit: TimeUnit, target: &'a Target) -> Option<Writer<'a>>
where
    T: ArrowPrimitiveType<Native = i64>,
{
    let utc = target.kind == Kind::TimestampTz;
    let step = target.step();
    Some(primitive(array.as_primitive::<T>(), move |value, out| {
        let text = || calendar::timestamp_text(value, unit, utc);
        if unit == TimeUnit::Microsecond && (value == i64::MAX || value == i64::MIN) {
            put(out, value.to_be_bytes());
            return Ok(());
        }
        // Counted from 2000 before it is made larger: the last years of PostgreSQL's calendar need that.
        let since = match unit {
            TimeUnit::Second => value.checked_sub(EPOCH_MICROS / 1_000_000),
            TimeUnit::Millisecond => value.checked_sub(EPOCH_MICROS / 1_000),
            TimeUnit::Microsecond => value.checked_sub(EPOCH_MICROS),
            // Finer parts are those of the value, and the quotient is far from overflow.
            TimeUnit::Nanosecond if value % 1_000 != 0 => {
                return Err(Fault::too_precise(text(), &target.name));
            }
            TimeUnit::Nanosecond => Some(value / 1_000 - EPOCH_MICROS),
        };
        let since = match unit {
            TimeUnit::Nanosecond => since,
            coarser => since.and_then(|since| micros(since, coarser)),
        };
        let since = since.ok_or_else(|| Fault::out_of_range(text(), &target.name))?;
        if since % step != 0 {
            return Err(Fault::too_precise(text(), &target.name));
        }
        put_moment(out, since).ok_or_else(|| Fault::out_of_range(text(), &target.name))
    }))
}

/// Appends a finite moment in microseconds since 2000-01-01, if PostgreSQL's calendar has it.
#[inline]
pub(super) fn put_moment(out: &mut Vec<u8>, since: i64) -> Option<()> {
    if !(FIRST_MOMENT..MOMENT_END).contains(&since) {
        return None;
    }
    put(out, since.to_be_bytes());
    Some(())
}

/// The same in microseconds; nothing for too many of them, and for nanoseconds that are not whole microseconds.
#[inline]
pub(super) fn micros(value: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => value.checked_mul(1_000_000),
        TimeUnit::Millisecond => value.checked_mul(1_000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => (value % 1_000 == 0).then_some(value / 1_000),
    }
}

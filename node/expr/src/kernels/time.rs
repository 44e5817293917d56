use arrow::buffer::NullBuffer;

use crate::calendar;
use crate::functions::Function;
use crate::kernels::Computed;
use crate::kernels::rows::{
    durations, texts, timestamps, to_durations, to_ints, to_texts, to_timestamps, zones,
};
use crate::time::{self, checked_duration, checked_timestamp};
use crate::vector::{Data, Vector};

/// `+` and `-` of times.
pub(super) fn arithmetic(
    function: Function,
    a: &Vector,
    b: &Vector,
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    Some(match (function, &a.data, &b.data) {
        (Function::Add, Data::Timestamp(_), Data::Duration(_)) => {
            let (a, b) = (timestamps(a)?, durations(b)?);
            to_timestamps(rows, live, |row| checked_timestamp(a(row) + b(row)))
        }
        (Function::Add, Data::Duration(_), Data::Timestamp(_)) => {
            let (a, b) = (durations(a)?, timestamps(b)?);
            to_timestamps(rows, live, |row| checked_timestamp(a(row) + b(row)))
        }
        (Function::Add, Data::Duration(_), Data::Duration(_)) => {
            let (a, b) = (durations(a)?, durations(b)?);
            to_durations(rows, live, |row| checked_duration(a(row) + b(row)))
        }
        (Function::Subtract, Data::Timestamp(_), Data::Duration(_)) => {
            let (a, b) = (timestamps(a)?, durations(b)?);
            to_timestamps(rows, live, |row| checked_timestamp(a(row) - b(row)))
        }
        (Function::Subtract, Data::Timestamp(_), Data::Timestamp(_)) => {
            let (a, b) = (timestamps(a)?, timestamps(b)?);
            to_durations(rows, live, |row| checked_duration(a(row) - b(row)))
        }
        (Function::Subtract, Data::Duration(_), Data::Duration(_)) => {
            let (a, b) = (durations(a)?, durations(b)?);
            to_durations(rows, live, |row| checked_duration(a(row) - b(row)))
        }
        _ => return None,
    })
}

/// Parts of times, and times by patterns.
pub(super) fn call(
    function: Function,
    args: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    Some(match (function, args) {
        (Function::Get(part), [a]) if matches!(a.data, Data::Duration(_)) => {
            let a = durations(a)?;
            // Decided by the part alone.
            time::duration_part(0, part)?;
            to_ints(rows, live, |row| Ok(time::duration_part(a(row), part).unwrap_or_default()))
        }
        (Function::Get(part), [a, rest @ ..]) => {
            let (a, zone) = (timestamps(a)?, zones(rest.first())?);
            to_ints(rows, live, |row| time::timestamp_part(a(row), part, zone(row)?))
        }
        (Function::Format, [a, pattern, rest @ ..]) => {
            let (a, pattern, zone) = (timestamps(a)?, texts(pattern)?, zones(rest.first())?);
            to_texts(rows, live, |row| calendar::format(a(row), pattern(row), zone(row)?))
        }
        (Function::ParseTime, [a, pattern, rest @ ..]) => {
            let (a, pattern, zone) = (texts(a)?, texts(pattern)?, zones(rest.first())?);
            to_timestamps(rows, live, |row| calendar::parse(a(row), pattern(row), zone(row)?))
        }
        (Function::Truncate, [a, unit, rest @ ..]) => {
            let (a, unit, zone) = (timestamps(a)?, texts(unit)?, zones(rest.first())?);
            to_timestamps(rows, live, |row| calendar::truncate(a(row), unit(row), zone(row)?))
        }
        _ => return None,
    })
}

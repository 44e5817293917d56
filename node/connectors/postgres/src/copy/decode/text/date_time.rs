use super::super::malformed::Flaw;
use super::digits::{push_fraction, push_padded};
use crate::copy::{DAY_MICROS, EPOCH_DAYS};

const SECOND: u64 = 1_000_000;
/// Offsets of time zones are smaller than this many seconds.
const ZONE_LIMIT: u32 = 16 * 3600;

/// Appends a date: `2024-02-29`, `0044-03-15 BC`, `infinity`.
pub(super) fn write_date(days: i32, out: &mut Vec<u8>) {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            let before_christ = write_day(i64::from(days), out);
            write_era(before_christ, out);
        }
    }
}

/// Appends a timestamp: `2024-02-29 12:34:56.789`, with `+00` behind it for the type with time zone.
pub(super) fn write_timestamp(micros: i64, zone: bool, out: &mut Vec<u8>) {
    match micros {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            let before_christ = write_day(micros.div_euclid(DAY_MICROS), out);
            out.push(b' ');
            write_clock(micros.rem_euclid(DAY_MICROS).unsigned_abs(), out);
            if zone {
                out.extend_from_slice(b"+00");
            }
            write_era(before_christ, out);
        }
    }
}

/// Appends a time of day: `12:34:56.789`.
pub(super) fn write_time(micros: i64, out: &mut Vec<u8>) {
    if micros < 0 {
        out.push(b'-');
    }
    write_clock(micros.unsigned_abs(), out);
}

/// Appends a time with its offset as PostgreSQL does: `12:34:56+02`, `12:34:56-03:30`.
pub(super) fn write_timetz(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    timetz(bytes, false, out)
}

/// The same with minutes in every offset: `12:34:56+02:00`.
pub(in super::super) fn write_timetz_full(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    timetz(bytes, true, out)
}

fn timetz(bytes: &[u8], always_minutes: bool, out: &mut Vec<u8>) -> Result<(), Flaw> {
    let &[a, b, c, d, e, f, g, h, z0, z1, z2, z3] = bytes else {
        return Err(Flaw::Size { expected: 12, found: bytes.len() });
    };
    let micros = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let west = i32::from_be_bytes([z0, z1, z2, z3]);
    if !(0..=DAY_MICROS).contains(&micros) || west.unsigned_abs() >= ZONE_LIMIT {
        return Err(Flaw::TimeTz);
    }
    write_clock(micros.unsigned_abs(), out);
    out.push(if west <= 0 { b'+' } else { b'-' });
    let offset = u64::from(west.unsigned_abs());
    push_padded(out, offset / 3600, 2);
    if always_minutes || offset % 3600 != 0 {
        out.push(b':');
        push_padded(out, offset / 60 % 60, 2);
    }
    if offset % 60 != 0 {
        out.push(b':');
        push_padded(out, offset % 60, 2);
    }
    Ok(())
}

fn write_clock(micros: u64, out: &mut Vec<u8>) {
    let seconds = micros / SECOND;
    push_padded(out, seconds / 3600, 2);
    out.push(b':');
    push_padded(out, seconds / 60 % 60, 2);
    out.push(b':');
    push_padded(out, seconds % 60, 2);
    push_fraction(out, micros % SECOND);
}

/// Appends year, month and day of a day counted from 2000-01-01 in the proleptic Gregorian calendar; whether it lies
/// before Christ. Years are counted from March, so that the day that comes every four years is the last of its year
/// (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
fn write_day(days: i64, out: &mut Vec<u8>) -> bool {
    const CYCLE: i64 = 146_097;
    let from_march_of_0 = days + i64::from(EPOCH_DAYS) + 719_468;
    let day = from_march_of_0.rem_euclid(CYCLE);
    let year_of_cycle = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day + 2) / 153;
    let day = day - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = from_march_of_0.div_euclid(CYCLE) * 400 + year_of_cycle + i64::from(month <= 2);
    // There is no year 0: 1 BC comes before 1 AD.
    let before_christ = year <= 0;
    let shown = if before_christ { 1 - year } else { year };
    push_padded(out, shown.unsigned_abs(), 4);
    out.push(b'-');
    push_padded(out, month.unsigned_abs(), 2);
    out.push(b'-');
    push_padded(out, day.unsigned_abs(), 2);
    before_christ
}

fn write_era(before_christ: bool, out: &mut Vec<u8>) {
    if before_christ {
        out.extend_from_slice(b" BC");
    }
}

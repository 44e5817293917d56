use super::super::malformed::Flaw;
use super::digits::{push, push_fraction, push_signed};

/// Appends an interval as PostgreSQL does with `intervalstyle = iso_8601`: `P1Y2M-3DT4H5M-6.5S`, `PT0S`. The largest and
/// the smallest number in all three parts are the infinities of PostgreSQL 17.
pub(in super::super) fn write_interval(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    let &[a, b, c, d, e, f, g, h, d0, d1, d2, d3, m0, m1, m2, m3] = bytes else {
        return Err(Flaw::Size { expected: 16, found: bytes.len() });
    };
    let micros = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let days = i32::from_be_bytes([d0, d1, d2, d3]);
    let months = i32::from_be_bytes([m0, m1, m2, m3]);
    match (months, days, micros) {
        (i32::MAX, i32::MAX, i64::MAX) => out.extend_from_slice(b"infinity"),
        (i32::MIN, i32::MIN, i64::MIN) => out.extend_from_slice(b"-infinity"),
        (0, 0, 0) => out.extend_from_slice(b"PT0S"),
        _ => {
            out.push(b'P');
            part(out, i64::from(months / 12), b'Y');
            part(out, i64::from(months % 12), b'M');
            part(out, i64::from(days), b'D');
            time(out, micros);
        }
    }
    Ok(())
}

fn part(out: &mut Vec<u8>, number: i64, unit: u8) {
    if number != 0 {
        push_signed(out, number);
        out.push(unit);
    }
}

fn time(out: &mut Vec<u8>, micros: i64) {
    if micros == 0 {
        return;
    }
    out.push(b'T');
    part(out, micros / 3_600_000_000, b'H');
    part(out, micros / 60_000_000 % 60, b'M');
    let seconds = micros % 60_000_000;
    if seconds != 0 {
        if seconds < 0 {
            out.push(b'-');
        }
        push(out, seconds.unsigned_abs() / 1_000_000);
        push_fraction(out, seconds.unsigned_abs() % 1_000_000);
        out.push(b'S');
    }
}

//! The bytes of a key: what is equal has the same bytes, whatever its column's type, and they never change, because a run
//! that goes on must find its rows in the same shards.
//!
//! | value | bytes |
//! |---|---|
//! | null, missing | 0 |
//! | false, true | 1, 2 |
//! | a number without fraction that fits into 128 bits | 3, 16 bytes |
//! | any other floating-point number | 4, 8 bytes IEEE 754; one NaN |
//! | any other decimal number | 5, scale (1 byte, signed), 32 bytes, without zeros at the end |
//! | text | 6, length, UTF-8 |
//! | bytes | 7, length, the bytes |
//! | date | 8, days since 1970 (8 bytes) |
//! | timestamp | 9, nanoseconds since 1970 (16 bytes); the zone does not matter |
//! | time of day | 10, nanoseconds (8 bytes) |
//! | duration | 11, nanoseconds (16 bytes) |
//! | interval | 12, months and days (4 bytes each), nanoseconds (8 bytes) |
//! | list | 13, length, the values |
//! | record, map, JSON object | 14, length, key and value of each entry that is not null, ordered by the bytes of the key |
//!
//! Numbers are little-endian; a length has 8 bytes.

use arrow::datatypes::i256;

pub(super) const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const DOUBLE: u8 = 4;
const DECIMAL: u8 = 5;
const TEXT: u8 = 6;
const BYTES: u8 = 7;
const DATE: u8 = 8;
const TIMESTAMP: u8 = 9;
const TIME: u8 = 10;
const DURATION: u8 = 11;
const INTERVAL: u8 = 12;
const LIST: u8 = 13;
const RECORD: u8 = 14;

/// The first power of two that no 128-bit integer reaches.
const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

pub(super) fn null(out: &mut Vec<u8>) {
    out.push(NULL);
}

pub(super) fn boolean(value: bool, out: &mut Vec<u8>) {
    out.push(if value { TRUE } else { FALSE });
}

pub(super) fn integer(value: i128, out: &mut Vec<u8>) {
    out.push(INTEGER);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn double(value: f64, out: &mut Vec<u8>) {
    if value.fract() == 0.0 && (-BEYOND..BEYOND).contains(&value) {
        // In this range the conversion is exact; -0.0 becomes 0.
        return integer(value as i128, out);
    }
    let value = if value.is_nan() { f64::NAN } else { value };
    out.push(DOUBLE);
    out.extend_from_slice(&value.to_bits().to_le_bytes());
}

pub(super) fn decimal(mut value: i256, mut scale: i8, out: &mut Vec<u8>) {
    let ten = i256::from_i128(10);
    while value != i256::ZERO && scale > i8::MIN && value.wrapping_rem(ten) == i256::ZERO {
        (value, scale) = (value.wrapping_div(ten), scale - 1);
    }
    if value == i256::ZERO {
        return integer(0, out);
    }
    let whole = |scale: i8| {
        let factor = ten.checked_pow(u32::from(scale.unsigned_abs()))?;
        value.checked_mul(factor)?.to_i128()
    };
    if let Some(value) = (scale <= 0).then(|| whole(scale)).flatten() {
        return integer(value, out);
    }
    out.push(DECIMAL);
    out.extend_from_slice(&scale.to_le_bytes());
    out.extend_from_slice(&value.to_le_bytes());
}

fn sized(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u64).to_le_bytes());
}

pub(super) fn text(value: &str, out: &mut Vec<u8>) {
    sized(TEXT, value.as_bytes(), out);
}

pub(super) fn bytes(value: &[u8], out: &mut Vec<u8>) {
    sized(BYTES, value, out);
}

pub(super) fn date(days: i64, out: &mut Vec<u8>) {
    out.push(DATE);
    out.extend_from_slice(&days.to_le_bytes());
}

pub(super) fn timestamp(nanoseconds: i128, out: &mut Vec<u8>) {
    out.push(TIMESTAMP);
    out.extend_from_slice(&nanoseconds.to_le_bytes());
}

pub(super) fn time(nanoseconds: i64, out: &mut Vec<u8>) {
    out.push(TIME);
    out.extend_from_slice(&nanoseconds.to_le_bytes());
}

pub(super) fn duration(nanoseconds: i128, out: &mut Vec<u8>) {
    out.push(DURATION);
    out.extend_from_slice(&nanoseconds.to_le_bytes());
}

pub(super) fn interval(months: i32, days: i32, nanoseconds: i64, out: &mut Vec<u8>) {
    out.push(INTERVAL);
    out.extend_from_slice(&months.to_le_bytes());
    out.extend_from_slice(&days.to_le_bytes());
    out.extend_from_slice(&nanoseconds.to_le_bytes());
}

/// A list of so many values, which follow.
pub(super) fn list(values: usize, out: &mut Vec<u8>) {
    out.push(LIST);
    length(values, out);
}

/// A record of these entries: key and value, each in its canonical form, in any order.
pub(super) fn record(mut entries: Vec<(Vec<u8>, Vec<u8>)>, out: &mut Vec<u8>) {
    entries.retain(|(_, value)| value != &[NULL]);
    entries.sort();
    out.push(RECORD);
    length(entries.len(), out);
    for (key, value) in entries {
        out.extend_from_slice(&key);
        out.extend_from_slice(&value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out);
        out
    }

    fn of_decimal(value: i128, scale: i8) -> Vec<u8> {
        of(|out| decimal(i256::from_i128(value), scale, out))
    }

    #[test]
    fn numbers_are_the_same_by_value() {
        let five = of(|out| integer(5, out));
        assert_eq!(of(|out| double(5.0, out)), five);
        for (value, scale) in [(5, 0), (500, 2), (50, 1)] {
            assert_eq!(of_decimal(value, scale), five);
        }
        assert_eq!(of_decimal(5, -2), of(|out| integer(500, out)));
        assert_eq!(of_decimal(1230, 2), of_decimal(123, 1));
        assert_ne!(of_decimal(123, 1), of_decimal(123, 2));
        assert_eq!(of_decimal(0, 7), of(|out| integer(0, out)));
        assert_eq!(of(|out| double(-0.0, out)), of(|out| double(0.0, out)));
        assert_eq!(of(|out| double(-f64::NAN, out)), of(|out| double(f64::NAN, out)));
        assert_ne!(of(|out| double(f64::INFINITY, out)), of(|out| double(f64::NEG_INFINITY, out)));
        for large in [1e300, BEYOND, -BEYOND * 2.0, 0.5] {
            assert_eq!(of(|out| double(large, out)).len(), 9, "{large}");
        }
        assert_eq!(of(|out| double(-BEYOND, out)), of(|out| integer(i128::MIN, out)));
        let widest = of(|out| decimal(i256::MIN, i8::MIN, out));
        assert_eq!(widest.len(), 34);
    }

    #[test]
    fn neighbours_cannot_be_confused_and_entries_have_one_order() {
        let both = |a: &str, b: &str| of(|out| [a, b].iter().for_each(|value| text(value, out)));
        assert_ne!(both("ab", "c"), both("a", "bc"));
        let entry = |key: &str, value: i128| (of(|out| text(key, out)), of(|out| integer(value, out)));
        let nothing = || (of(|out| text("z", out)), vec![NULL]);
        let one = of(|out| record(vec![entry("a", 1), entry("b", 2)], out));
        assert_eq!(of(|out| record(vec![entry("b", 2), nothing(), entry("a", 1)], out)), one);
    }
}

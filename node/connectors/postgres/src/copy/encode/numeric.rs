//! The binary form of `numeric` (`numeric_send` in PostgreSQL's `numeric.c`): number of digits to the base 10000, the
//! power of the first one, sign, digits to show behind the point, then the digits, two bytes each.

use super::cell_writer::{close, open};
use super::fault::Outcome;
use super::number::Number;

const NEGATIVE: u16 = 0x4000;
/// The sign of a value that is not a number.
pub(super) const NAN: u16 = 0xC000;
/// The sign of infinity.
pub(super) const INFINITY: u16 = 0xD000;
/// The sign of minus infinity.
pub(super) const NEGATIVE_INFINITY: u16 = 0xF000;

/// The digits that a `numeric` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits {
    /// Powers of ten from the first digit down to the point; may be negative.
    before: i64,
    /// Digits behind the point; negative where places before it are rounded.
    behind: i64,
    /// Whether they are declared, which also excludes infinity and settles how many digits are shown.
    pub(super) declared: bool,
}

impl Digits {
    /// `numeric` alone: what PostgreSQL can store.
    pub(super) const UNLIMITED: Self = Self { before: 131_072, behind: 16_383, declared: false };

    /// `numeric(precision, scale)`.
    pub(super) fn new(precision: i32, scale: i32) -> Self {
        let (precision, scale) = (i64::from(precision), i64::from(scale));
        Self { before: precision - scale, behind: scale, declared: true }
    }

    /// Whether the number is held as it is.
    pub(super) fn hold(&self, number: &Number<'_>) -> bool {
        (number.count == 0 || number.point <= self.before && -number.last_place() <= self.behind)
            && (self.declared || number.scale <= self.behind)
    }

    /// Whether `magnitude` times ten to the power of `-scale` is held as it is.
    #[inline]
    pub(super) fn hold_magnitude(&self, magnitude: u128, scale: u8) -> bool {
        if magnitude == 0 {
            return true;
        }
        let scale = i64::from(scale);
        let surplus = scale - self.behind;
        if surplus > 0 && !power_of_ten(surplus).is_some_and(|power| divides(power, magnitude)) {
            return false;
        }
        match self.before + scale {
            ..=0 => false,
            digits => power_of_ten(digits).is_none_or(|limit| magnitude < limit),
        }
    }

    /// How many digits behind the point the server shows.
    #[inline]
    pub(super) fn shown(&self, scale: i64) -> u16 {
        let shown = if self.declared { self.behind } else { scale };
        u16::try_from(shown).unwrap_or_default()
    }
}

#[inline]
fn divides(power: u128, magnitude: u128) -> bool {
    match (u64::try_from(power), u64::try_from(magnitude)) {
        (Ok(power), Ok(magnitude)) => magnitude.is_multiple_of(power),
        _ => magnitude.is_multiple_of(power),
    }
}

/// Nothing where it is above every `u128`.
#[inline]
fn power_of_ten(exponent: i64) -> Option<u128> {
    const POWERS: [u128; 39] = {
        let mut powers = [1; 39];
        let mut at = 1;
        while at < 39 {
            powers[at] = powers[at - 1] * 10;
            at += 1;
        }
        powers
    };
    usize::try_from(exponent).ok().and_then(|at| POWERS.get(at)).copied()
}

/// Appends NaN or an infinity with its length.
pub(super) fn put_special(out: &mut Vec<u8>, sign: u16) {
    put_header(out, 0, 0, sign, 0);
}

#[inline]
fn put_header(out: &mut Vec<u8>, groups: u16, weight: i16, sign: u16, shown: u16) {
    let mut header = [0; 12];
    header[..4].copy_from_slice(&(8 + 2 * i32::from(groups)).to_be_bytes());
    header[4..6].copy_from_slice(&groups.to_be_bytes());
    header[6..8].copy_from_slice(&weight.to_be_bytes());
    header[8..10].copy_from_slice(&sign.to_be_bytes());
    header[10..].copy_from_slice(&shown.to_be_bytes());
    out.extend_from_slice(&header);
}

/// Appends `magnitude` times ten to the power of `-scale` with its length.
#[inline]
pub(super) fn put_magnitude(out: &mut Vec<u8>, negative: bool, magnitude: u128, scale: u8, shown: u16) {
    // Groups of four digits, the last one first: 39 digits and up to three more make at most eleven.
    let mut groups = [0u16; 12];
    let mut count = 0usize;
    let mut push = |group: u64| {
        if let Some(slot) = groups.get_mut(count) {
            // Below 10000.
            *slot = group as u16;
            count += 1;
        }
    };
    let mut high = magnitude;
    // A group begins at the point, so the last one may be short of digits.
    let short = u32::from(scale % 4);
    if short > 0 {
        let power = 10u64.pow(short);
        let (rest, digits) = divide(high, power);
        push(digits * 10u64.pow(4 - short));
        high = rest;
    }
    while high > u128::from(u64::MAX) {
        let (rest, mut digits) = divide(high, 10u64.pow(16));
        for _ in 0..4 {
            push(digits % 10_000);
            digits /= 10_000;
        }
        high = rest;
    }
    // Not above the largest u64 after the loop.
    let mut low = high as u64;
    while low > 0 {
        push(low % 10_000);
        low /= 10_000;
    }
    let used = groups.get(..count).unwrap_or_default();
    let first_zeros = used.iter().rev().take_while(|group| **group == 0).count();
    let last_zeros = used.iter().take_while(|group| **group == 0).count();
    if last_zeros == count {
        return put_header(out, 0, 0, 0, shown);
    }
    // All of these are at most 64.
    let behind = scale.div_ceil(4) as i16;
    let weight = (count - first_zeros) as i16 - behind - 1;
    let kept = used.get(last_zeros..count - first_zeros).unwrap_or_default();
    put_header(out, kept.len() as u16, weight, if negative { NEGATIVE } else { 0 }, shown);
    for group in kept.iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

#[inline]
fn divide(value: u128, by: u64) -> (u128, u64) {
    match u64::try_from(value) {
        Ok(value) => (u128::from(value / by), value % by),
        // The remainder is below `by`.
        Err(_) => (value / u128::from(by), (value % u128::from(by)) as u64),
    }
}

/// Appends a number that [`Digits::hold`] has accepted, with its length.
pub(super) fn put_number(out: &mut Vec<u8>, number: &Number<'_>, shown: u16) -> Outcome {
    if number.count == 0 {
        put_header(out, 0, 0, 0, shown);
        return Ok(());
    }
    let first = (number.point - 1).div_euclid(4);
    let last = number.last_place().div_euclid(4);
    let start = open(out);
    let sign = if number.negative { NEGATIVE } else { 0 };
    // `hold` bounds the places to 131072 before and 16383 behind the point.
    for field in [(first - last + 1) as u16, first as i16 as u16, sign, shown] {
        out.extend_from_slice(&field.to_be_bytes());
    }
    for group in (last..=first).rev() {
        let digits = (0..4).rev().fold(0, |value, place| value * 10 + number.digit(group * 4 + place));
        out.extend_from_slice(&digits.to_be_bytes());
    }
    close(out, start)
}

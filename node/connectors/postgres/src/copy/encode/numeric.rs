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

    /// The declared number of digits behind the point, if it is from 0 to 15.
    pub(super) fn declared_places(&self) -> Option<u8> {
        u8::try_from(self.behind).ok().filter(|places| self.declared && *places <= 15)
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
    static POWERS: [u128; 39] = {
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

fn put_header(out: &mut Vec<u8>, groups: u16, weight: i16, sign: u16, shown: u16) {
    out.extend_from_slice(&header(groups, weight, sign, shown));
}

/// Length and header of a cell.
#[inline]
fn header(groups: u16, weight: i16, sign: u16, shown: u16) -> [u8; 12] {
    let mut header = [0; 12];
    header[..4].copy_from_slice(&(8 + 2 * i32::from(groups)).to_be_bytes());
    header[4..6].copy_from_slice(&groups.to_be_bytes());
    header[6..8].copy_from_slice(&weight.to_be_bytes());
    header[8..10].copy_from_slice(&sign.to_be_bytes());
    header[10..].copy_from_slice(&shown.to_be_bytes());
    header
}

/// Appends `magnitude` times ten to the power of `-scale` with its length.
#[inline]
pub(super) fn put_magnitude(out: &mut Vec<u8>, negative: bool, magnitude: u128, scale: u8, shown: u16) {
    let mut groups = Groups { cell: [0; 36], count: 0, last_zeros: 0 };
    let mut high = magnitude;
    // A group begins at the point, so the last one may be short of digits.
    let (power, rest) = [(10_000, 1), (10, 1_000), (100, 100), (1_000, 10)][usize::from(scale % 4)];
    if rest > 1 {
        let (quotient, digits) = divide(high, power);
        groups.push(digits * rest);
        high = quotient;
    }
    while high > u128::from(u64::MAX) {
        let (quotient, mut digits) = divide(high, 10u64.pow(16));
        for _ in 0..4 {
            groups.push(digits % 10_000);
            digits /= 10_000;
        }
        high = quotient;
    }
    // Not above the largest u64 after the loop.
    let mut low = high as u64;
    while low > 0 {
        groups.push(low % 10_000);
        low /= 10_000;
    }
    groups.put(out, negative, scale, shown);
}

/// Groups of four digits, collected from the last one on: 39 digits and up to three more make at most eleven.
struct Groups {
    /// The cell: room for the header, then for twelve groups, which fill it from the end.
    cell: [u8; 36],
    count: usize,
    /// How many of the first ones pushed are zero.
    last_zeros: usize,
}

impl Groups {
    #[inline]
    fn push(&mut self, group: u64) {
        if group == 0 && self.last_zeros == self.count {
            self.last_zeros += 1;
        }
        let end = 36 - 2 * self.count;
        if let Some(place) = self.cell.get_mut(end - 2..end) {
            // Below 10000.
            place.copy_from_slice(&(group as u16).to_be_bytes());
        }
        self.count += 1;
    }

    /// Appends the cell.
    #[inline]
    fn put(mut self, out: &mut Vec<u8>, negative: bool, scale: u8, shown: u16) {
        // The last group pushed is the first one of the number, and only zero where all are.
        if self.last_zeros == self.count {
            return put_header(out, 0, 0, 0, shown);
        }
        let kept = self.count - self.last_zeros;
        // All of these are at most 64.
        let weight = self.count as i16 - scale.div_ceil(4) as i16 - 1;
        let start = 24 - 2 * self.count;
        let sign = if negative { NEGATIVE } else { 0 };
        // At most twelve groups, so that the header and the groups lie inside the cell.
        self.cell[start..start + 12].copy_from_slice(&header(kept as u16, weight, sign, shown));
        out.extend_from_slice(&self.cell[start..36 - 2 * self.last_zeros]);
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

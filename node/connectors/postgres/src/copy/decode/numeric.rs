use arrow::array::ArrowNativeTypeOp;
use arrow::datatypes::ArrowNativeType;

use super::malformed::Flaw;
use super::text::digits;

/// A `numeric` as `numeric_send` writes it: number of digits, weight, sign, display scale (2 bytes each), and digits to
/// the base 10000, the first of which counts 10000 to the power of the weight
/// (<https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/numeric.c>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numeric<'a> {
    /// `NaN`.
    NaN,
    /// `Infinity`.
    Infinity,
    /// `-Infinity`.
    NegativeInfinity,
    /// A number.
    Finite(Finite<'a>),
}

/// A number with neither zeros in front nor behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finite<'a> {
    digits: &'a [[u8; 2]],
    weight: i32,
    negative: bool,
    scale: u16,
}

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
const MAX_SCALE: u16 = 0x3FFF;
const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut exponent = 1;
    while exponent < 20 {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

impl<'a> Numeric<'a> {
    /// Reads the binary form.
    ///
    /// # Errors
    /// When it is not what `numeric_send` can write.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let (&[n0, n1, w0, w1, s0, s1, d0, d1], rest) =
            bytes.split_first_chunk::<8>().ok_or(Flaw::Truncated)?;
        let (digits, odd) = rest.as_chunks::<2>();
        let scale = u16::from_be_bytes([d0, d1]);
        if !odd.is_empty() || digits.len() != usize::from(u16::from_be_bytes([n0, n1])) {
            return Err(Flaw::Numeric);
        }
        let negative = match u16::from_be_bytes([s0, s1]) {
            0 => false,
            NEGATIVE => true,
            NAN if digits.is_empty() => return Ok(Self::NaN),
            INFINITY if digits.is_empty() => return Ok(Self::Infinity),
            NEGATIVE_INFINITY if digits.is_empty() => return Ok(Self::NegativeInfinity),
            _ => return Err(Flaw::Numeric),
        };
        if scale > MAX_SCALE || digits.iter().any(|&digit| u16::from_be_bytes(digit) >= 10_000) {
            return Err(Flaw::Numeric);
        }
        let mut number = Finite { digits, weight: i32::from(i16::from_be_bytes([w0, w1])), negative, scale };
        while let [[0, 0], rest @ ..] = number.digits {
            number.digits = rest;
            number.weight -= 1;
        }
        while let [rest @ .., [0, 0]] = number.digits {
            number.digits = rest;
        }
        Ok(Self::Finite(number))
    }

    /// Appends the text that `numeric_out` writes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::NaN => out.extend_from_slice(b"NaN"),
            Self::Infinity => out.extend_from_slice(b"Infinity"),
            Self::NegativeInfinity => out.extend_from_slice(b"-Infinity"),
            Self::Finite(number) => number.write(out),
        }
    }
}

impl Finite<'_> {
    /// Whether it is less than zero.
    pub(super) fn is_negative(&self) -> bool {
        self.negative && !self.digits.is_empty()
    }

    /// The number without its sign, times 10 to the power of `scale`; none when that is not a whole number, or too large
    /// for `T`.
    pub(super) fn scaled<T: ArrowNativeTypeOp + ArrowNativeType>(&self, scale: i8) -> Option<T> {
        // There are at most 65535 digits, so nothing here comes near the limits of 32 bits.
        let exponent = 4 * (self.weight + 1 - i32::try_from(self.digits.len()).ok()?) + i32::from(scale);
        let (Some((last, front)), true) = (self.digits.split_last(), exponent < 0) else {
            return Self::whole::<T>(self.digits, exponent.unsigned_abs());
        };
        // The last digit is not 0, so its last of four decimal places may be cut, but not all of them.
        let cut = match exponent {
            -1 => 10,
            -2 => 100,
            -3 => 1000,
            _ => return None,
        };
        let last = u16::from_be_bytes(*last);
        let front = Self::whole::<T>(front, (exponent + 4).unsigned_abs())?;
        if last.is_multiple_of(cut) {
            front.add_checked(T::usize_as(usize::from(last / cut))).ok()
        } else {
            None
        }
    }

    /// The digits as one number, times 10 to the power of `exponent`; none when it is too large for `T`.
    fn whole<T: ArrowNativeTypeOp + ArrowNativeType>(digits: &[[u8; 2]], exponent: u32) -> Option<T> {
        let mut whole = T::usize_as(0);
        for (index, group) in digits.chunks(4).enumerate() {
            let value =
                group.iter().fold(0, |value, &digit| value * 10_000 + u64::from(u16::from_be_bytes(digit)));
            let value = usize::try_from(value).ok()?;
            if index == 0 {
                // Most numbers end here, and fit a machine word.
                let shifted = usize::try_from(exponent).ok().and_then(|exponent| POWERS.get(exponent));
                let shifted = shifted.and_then(|&power| value.checked_mul(usize::try_from(power).ok()?));
                if let (Some(shifted), true) = (shifted, digits.len() <= 4) {
                    return Some(T::usize_as(shifted));
                }
                whole = T::usize_as(value);
            } else {
                let shifted = times_power(whole, 4 * u32::try_from(group.len()).ok()?)?;
                whole = shifted.add_checked(T::usize_as(value)).ok()?;
            }
        }
        times_power(whole, exponent)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let digit = |index: i32| {
            let index = usize::try_from(index).ok();
            index.and_then(|index| self.digits.get(index)).map_or(0, |&digit| u16::from_be_bytes(digit))
        };
        if self.is_negative() {
            out.push(b'-');
        }
        if self.weight < 0 || self.digits.is_empty() {
            out.push(b'0');
        } else {
            digits::push(out, u64::from(digit(0)));
            (1..=self.weight).for_each(|index| digits::push_padded(out, u64::from(digit(index)), 4));
        }
        let scale = usize::from(self.scale).max(self.digits_behind_point());
        if scale > 0 {
            out.push(b'.');
            let end = out.len() + scale;
            let mut index = if self.digits.is_empty() { 0 } else { self.weight + 1 };
            while out.len() < end {
                digits::push_padded(out, u64::from(digit(index)), 4);
                index += 1;
            }
            out.truncate(end);
        }
    }

    /// How many decimal digits behind the point are needed to show all there is.
    fn digits_behind_point(&self) -> usize {
        let Some(&last) = self.digits.last() else { return 0 };
        let count = i32::try_from(self.digits.len()).unwrap_or_default();
        let mut places = 4 * (count - 1 - self.weight);
        let mut last = u16::from_be_bytes(last);
        while last.is_multiple_of(10) && last > 0 {
            last /= 10;
            places -= 1;
        }
        usize::try_from(places).unwrap_or_default()
    }
}

/// `number` times 10 to the power of `exponent`; none when it does not fit.
fn times_power<T: ArrowNativeTypeOp + ArrowNativeType>(number: T, exponent: u32) -> Option<T> {
    if exponent == 0 || number.is_zero() {
        return Some(number);
    }
    number.mul_checked(T::usize_as(10).pow_checked(exponent).ok()?).ok()
}

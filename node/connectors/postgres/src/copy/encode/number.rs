/// A decimal number as text, taken apart without changing a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number<'a> {
    pub(super) negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Zeros before the first significant digit.
    skipped: usize,
    /// Digits from the first to the last that is not zero; 0 for zero.
    pub(super) count: i64,
    /// The number is 0.d1d2d3... times ten to the power of this, d1 being the first significant digit.
    pub(super) point: i64,
    /// Digits behind the point as written.
    pub(super) scale: i64,
}

/// Exponents are cut here, far beyond what any type holds and far from overflow.
const FAR: i64 = 1_000_000_000;

impl<'a> Number<'a> {
    /// Reads `-12.50`, `.5`, `5.`, `1e-7`: a sign, digits with a point, an exponent, and nothing else.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (whole, rest) = digits(unsigned);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => digits(rest),
            rest => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        Some(Self::new(negative, whole, fraction, exponent))
    }

    /// The number with these digits before and behind the point, times ten to the power of `exponent`.
    pub(super) fn new(negative: bool, whole: &'a [u8], fraction: &'a [u8], exponent: i64) -> Self {
        let zeros = |bytes: &[u8]| bytes.iter().take_while(|byte| **byte == b'0').count();
        let zeros_behind = |bytes: &[u8]| bytes.iter().rev().take_while(|byte| **byte == b'0').count();
        let mut skipped = zeros(whole);
        if skipped == whole.len() {
            skipped += zeros(fraction);
        }
        let total = whole.len() + fraction.len();
        let mut behind = zeros_behind(fraction);
        if behind == fraction.len() {
            behind += zeros_behind(whole);
        }
        // Lengths of slices are below 2^63.
        let length = |bytes: usize| bytes as i64;
        let count = length(total.saturating_sub(skipped + behind));
        Self {
            negative,
            whole,
            fraction,
            skipped,
            count,
            point: if count == 0 { 0 } else { length(whole.len()) - length(skipped) + exponent },
            scale: (length(fraction.len()) - exponent).max(0),
        }
    }

    /// The value of the digit at ten to the power of `place`.
    pub(super) fn digit(&self, place: i64) -> u16 {
        let index = self.point - 1 - place;
        if index < 0 || index >= self.count {
            return 0;
        }
        // Between 0 and the number of digits.
        let at = self.skipped + index as usize;
        let byte = match at.checked_sub(self.whole.len()) {
            None => self.whole.get(at),
            Some(behind) => self.fraction.get(behind),
        };
        byte.map_or(0, |byte| u16::from(byte.wrapping_sub(b'0')))
    }

    /// The power of ten of the last digit that is not zero.
    pub(super) fn last_place(&self) -> i64 {
        self.point - self.count
    }

    /// Whether both are the same number, however written.
    pub(super) fn equals(&self, other: &Number<'_>) -> bool {
        self.count == other.count
            && (self.count == 0
                || self.negative == other.negative
                    && self.point == other.point
                    && (self.last_place()..self.point).all(|place| self.digit(place) == other.digit(place)))
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if unsigned.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for byte in unsigned {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = (value * 10 + i64::from(byte - b'0')).min(FAR);
    }
    Some(if negative { -value } else { value })
}

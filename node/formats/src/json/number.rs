use super::cursor::Cursor;
use super::fault::{Fallible, Fault};

/// Every integer of at most this size is a double.
pub(super) const EXACT_INTEGER: i64 = 1 << 53;

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// What a number's text stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// No fraction, no exponent, inside `i64`.
    Int(i64),
    /// The nearest double; `-0` too.
    Float(f64),
    /// An integer outside `i64`, or a magnitude no double has.
    Beyond,
}

impl Cursor<'_> {
    /// Passes the number that begins here.
    #[inline]
    pub fn number(&mut self) -> Fallible<Number> {
        let start = self.pos;
        let negative = self.peek() == Some(b'-');
        self.pos += negative as usize;
        let first = self.pos;
        let mut mantissa = self.digits(0);
        let digits = self.pos - first;
        if digits == 0 {
            return Err(match self.peek() {
                None => Fault::ended(self.pos, "a number"),
                Some(_) => {
                    self.pos = start;
                    self.unexpected("a value")
                }
            });
        }
        if digits > 1 && self.bytes.get(first) == Some(&b'0') {
            return Err(Fault::syntax(first, "a number must not begin with 0")
                .with_help("write it as a string where the data is produced"));
        }
        let mut exponent = 0i32;
        let mut significant = digits;
        match self.peek() {
            Some(b'.') => {
                self.pos += 1;
                let fraction = self.pos;
                mantissa = self.digits(mantissa);
                let places = self.pos - fraction;
                if places == 0 {
                    return Err(self.digit_missing());
                }
                significant += places;
                exponent = i32::try_from(places).map_or(i32::MIN, |places| -places);
            }
            Some(b'e' | b'E') => {}
            _ => return Ok(integer(self.since(start), negative, mantissa, digits)),
        }
        if let Some(b'e' | b'E') = self.peek() {
            exponent = exponent.saturating_add(self.exponent()?);
        }
        if significant <= 19 && mantissa <= EXACT_INTEGER as u64 {
            // Both operands are exact, so the one rounding of the operation gives the nearest double.
            let magnitude = match POWERS.get(exponent.unsigned_abs() as usize) {
                Some(power) if exponent < 0 => Some(mantissa as f64 / power),
                Some(power) => Some(mantissa as f64 * power),
                None => None,
            };
            if let Some(magnitude) = magnitude {
                return Ok(Number::Float(if negative { -magnitude } else { magnitude }));
            }
        }
        Ok(slow_float(self.since(start)))
    }

    #[inline]
    fn digits(&mut self, mut value: u64) -> u64 {
        while let Some(byte) = self.peek() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(digit as u64);
            self.pos += 1;
        }
        value
    }

    fn exponent(&mut self) -> Fallible<i32> {
        self.pos += 1;
        let negative = self.peek() == Some(b'-');
        self.pos += matches!(self.peek(), Some(b'+' | b'-')) as usize;
        let start = self.pos;
        let mut value = 0i32;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.saturating_mul(10).saturating_add((digit - b'0') as i32);
            self.pos += 1;
        }
        if self.pos == start {
            return Err(self.digit_missing());
        }
        Ok(if negative { -value } else { value })
    }

    #[cold]
    fn digit_missing(&self) -> Box<Fault> {
        match self.peek() {
            None => Fault::ended(self.pos, "a number"),
            Some(_) => Fault::syntax(self.pos, "a number lacks a digit"),
        }
    }
}

#[inline]
fn integer(text: &[u8], negative: bool, magnitude: u64, digits: usize) -> Number {
    if digits > 18 {
        // The text is an optional minus and digits, so parsing fails for no reason but its size.
        return match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
            Some(value) => Number::Int(value),
            None => Number::Beyond,
        };
    }
    match (negative, magnitude) {
        (true, 0) => Number::Float(-0.0),
        (true, _) => Number::Int(-(magnitude as i64)),
        (false, _) => Number::Int(magnitude as i64),
    }
}

fn slow_float(text: &[u8]) -> Number {
    let value = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    let mantissa = text.split(|b| matches!(b, b'e' | b'E')).next().unwrap_or_default();
    match value {
        Some(0.0) if mantissa.iter().any(|b| (b'1'..=b'9').contains(b)) => Number::Beyond,
        Some(value) if value.is_finite() => Number::Float(value),
        _ => Number::Beyond,
    }
}

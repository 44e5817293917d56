use arrow::datatypes::i256;

/// A decimal number of any size: a mantissa without zeros at the end, times ten to a power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exact {
    mantissa: i256,
    exponent: i32,
}

/// Why a number does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfitting {
    /// It has digits behind the point that the type has no room for.
    Inexact,
    /// It is too large or too small.
    Overflow,
}

impl Exact {
    pub fn new(mantissa: i256, exponent: i32) -> Self {
        let ten = i256::from_i128(10);
        let (mut mantissa, mut exponent) = (mantissa, exponent);
        while mantissa != i256::ZERO && mantissa.wrapping_rem(ten) == i256::ZERO {
            (mantissa, exponent) = (mantissa.wrapping_div(ten), exponent.saturating_add(1));
        }
        if mantissa == i256::ZERO { Self { mantissa, exponent: 0 } } else { Self { mantissa, exponent } }
    }

    /// Reads digits with an optional sign, point and exponent: `-12.50`, `1e3`. Nothing around them.
    pub fn parse(text: &str) -> Option<Result<Self, Unfitting>> {
        let (number, exponent) = match text.find(['e', 'E']) {
            Some(at) => (text.get(..at)?, exponent(text.get(at + 1..)?)?),
            None => (text, 0),
        };
        let (negative, digits) = match number.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !only_digits(whole) || !only_digits(fraction) {
            return None;
        }
        // Zeros at either end do not count, so that a long text of zeros is still a number.
        let all = format!("{whole}{fraction}");
        let significant = all.trim_end_matches('0');
        let dropped = all.len() - significant.len();
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Ok(Self { mantissa: i256::ZERO, exponent: 0 }));
        }
        if significant.len() > 76 {
            return Some(Err(Unfitting::Inexact));
        }
        let power =
            i64::from(exponent) + i64::try_from(dropped).ok()? - i64::try_from(fraction.len()).ok()?;
        let mantissa = i256::from_string(significant)?;
        let mantissa = if negative { mantissa.wrapping_neg() } else { mantissa };
        let power = i32::try_from(power).unwrap_or(if power < 0 { i32::MIN } else { i32::MAX });
        Some(Ok(Self { mantissa, exponent: power }))
    }

    /// The number times ten to the power of `scale`, if that is a whole number of 128 bits.
    pub fn scaled(self, scale: i8) -> Result<i128, Unfitting> {
        let power = self.exponent.saturating_add(i32::from(scale));
        if self.mantissa == i256::ZERO {
            return Ok(0);
        }
        let power = u32::try_from(power).map_err(|_| Unfitting::Inexact)?;
        if power > 76 {
            return Err(Unfitting::Overflow);
        }
        let factor = i256::from_i128(10).checked_pow(power).ok_or(Unfitting::Overflow)?;
        let scaled = self.mantissa.checked_mul(factor).ok_or(Unfitting::Overflow)?;
        scaled.to_i128().ok_or(Unfitting::Overflow)
    }

    /// The nearest floating-point number; infinite beyond their range.
    pub fn to_float(self) -> f64 {
        format!("{}e{}", self.mantissa, self.exponent).parse().unwrap_or(f64::NAN)
    }
}

/// A power of ten; what is beyond the range stays beyond it.
fn exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let limit = if text.starts_with('-') { i32::MIN } else { i32::MAX };
    Some(text.parse().unwrap_or(limit))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn scaled(text: &str, scale: i8) -> Result<i128, Unfitting> {
        Exact::parse(text).unwrap().and_then(|number| number.scaled(scale))
    }

    #[test]
    fn digits_are_never_lost() {
        assert_eq!(scaled("-12.50", 2), Ok(-1250));
        assert_eq!(scaled("12.50", 1), Ok(125));
        assert_eq!(scaled("12.505", 2), Err(Unfitting::Inexact));
        assert_eq!(scaled("1e3", 0), Ok(1000));
        assert_eq!(scaled("1000e-3", 0), Ok(1));
        assert_eq!(scaled("1e-1", 0), Err(Unfitting::Inexact));
        assert_eq!(scaled("1e39", 0), Err(Unfitting::Overflow));
        assert_eq!(scaled("1e99999999999", 0), Err(Unfitting::Overflow));
        assert_eq!(scaled("0e99999999999", 0), Ok(0));
        assert_eq!(scaled(&format!("1{}", "0".repeat(500)), 0), Err(Unfitting::Overflow));
        assert_eq!(scaled(&"9".repeat(77), 0), Err(Unfitting::Inexact));
        assert_eq!(scaled(".5", 1), Ok(5));
        for text in ["", "-", ".", "1.2.3", "1e", "e1", "1 ", "0x1", "NaN", "1e1.5", "--1"] {
            assert_eq!(Exact::parse(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_the_nearest() {
        let float = |text: &str| Exact::parse(text).unwrap().unwrap().to_float();
        assert_eq!(float("0.1"), 0.1);
        assert_eq!(float("9007199254740993"), 9_007_199_254_740_992.0);
        assert_eq!(float("1e999"), f64::INFINITY);
        assert_eq!(Exact::new(i256::from_i128(1500), -2), Exact::parse("15").unwrap().unwrap());
    }
}

/// Why a field is not a value of its column's type; completes a sentence that begins with the value.
pub(super) type Refusal = &'static str;

const NOT_INT: Refusal = "is not an integer";
const NOT_FLOAT: Refusal = "is not a number";

/// Powers of ten that a float holds exactly and the fast path needs.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Digits that a float holds exactly, whatever they are.
const EXACT_DIGITS: usize = 15;

/// Reads a 64-bit integer. With `canonical` only the form in which it would be written again is accepted, so that
/// codes such as `007` or `+49` are not taken for numbers.
pub(super) fn int(field: &[u8], canonical: bool) -> Result<i64, Refusal> {
    let (negative, digits) = sign(field, canonical);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NOT_INT);
    }
    if canonical && digits[0] == b'0' && (digits.len() > 1 || negative) {
        return Err("would lose its leading zeros or its sign as an integer");
    }
    let magnitude = if digits.len() <= 18 {
        digits.iter().fold(0, |sum, &b| sum * 10 + i128::from(b - b'0'))
    } else {
        digits
            .iter()
            .try_fold(0i128, |sum, &b| sum.checked_mul(10)?.checked_add(i128::from(b - b'0')))
            .unwrap_or(i128::MAX)
    };
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| "does not fit into 64 bits")
}

/// Reads a 64-bit float. With `canonical` only numbers as JSON writes them are accepted, and only if the float, written
/// again, has the very same digits; else also `+1`, `.5`, `NaN`, `inf` and numbers that have to be rounded.
pub(super) fn float(field: &[u8], canonical: bool) -> Result<f64, Refusal> {
    if let Some(value) = short_float(field) {
        return Ok(value);
    }
    let text = std::str::from_utf8(field).map_err(|_| NOT_FLOAT)?;
    if canonical && !is_json_number(field) {
        return Err(NOT_FLOAT);
    }
    let value: f64 = text.parse().map_err(|_| NOT_FLOAT)?;
    let literal = field.iter().any(u8::is_ascii_digit);
    let nonzero = || normalised(field).is_some_and(|(digits, _)| !digits.is_empty());
    if literal && (value.is_infinite() || value == 0.0 && nonzero()) {
        return Err("is outside the range of a float");
    }
    if canonical && normalised(field) != normalised(zmij::Buffer::new().format(value).as_bytes()) {
        return Err("has more digits than a float can hold");
    }
    Ok(value)
}

/// Plain decimal numbers of at most 15 digits: both their digits and the power of ten are exact, so one division
/// rounds correctly.
#[inline]
fn short_float(field: &[u8]) -> Option<f64> {
    let (negative, digits) = sign(field, true);
    let (mut mantissa, mut count, mut point) = (0u64, 0, None);
    for (i, &b) in digits.iter().enumerate() {
        match b {
            b'0'..=b'9' => {
                if count == EXACT_DIGITS {
                    return None;
                }
                mantissa = mantissa * 10 + u64::from(b - b'0');
                count += 1;
            }
            b'.' if point.is_none() => point = Some(i),
            _ => return None,
        }
    }
    let whole = point.unwrap_or(digits.len());
    let fraction = count - whole;
    let leading_zero = whole > 1 && digits[0] == b'0';
    if whole == 0 || leading_zero || (point.is_some() && fraction == 0) {
        return None;
    }
    let value = mantissa as f64 / POWERS[fraction];
    Some(if negative { -value } else { value })
}

fn is_json_number(field: &[u8]) -> bool {
    let (_, rest) = sign(field, true);
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let (_, exponent) = sign(exponent, false);
        let count = digits(exponent);
        if count == 0 {
            return false;
        }
        rest = &exponent[count..];
    }
    rest.is_empty()
}

/// Digits without zeros around them, and the power of ten of the last one; `None` for words. The sign is left out.
fn normalised(number: &[u8]) -> Option<(Vec<u8>, i64)> {
    let (_, number) = sign(number, false);
    let mut parts = number.splitn(2, |b| matches!(b, b'e' | b'E'));
    let (mantissa, exponent) = (parts.next()?, parts.next());
    let mut power = match exponent {
        Some(text) => std::str::from_utf8(text).ok()?.parse().ok()?,
        None => 0i64,
    };
    let mut digits = Vec::with_capacity(mantissa.len());
    let mut behind_point = false;
    for &b in mantissa {
        match b {
            b'.' => behind_point = true,
            b'0'..=b'9' => {
                if b != b'0' || !digits.is_empty() {
                    digits.push(b);
                }
                power = power.checked_sub(i64::from(behind_point))?;
            }
            _ => return None,
        }
    }
    while digits.last() == Some(&b'0') {
        digits.pop();
        power = power.checked_add(1)?;
    }
    Some(if digits.is_empty() { (digits, 0) } else { (digits, power) })
}

/// Reads a decimal number into units of `10^-scale`, of at most `precision` digits.
pub(super) fn decimal(field: &[u8], precision: u8, scale: i8) -> Result<i128, Refusal> {
    const NOT_DECIMAL: Refusal = "is not a decimal number";
    const TOO_LARGE: Refusal = "has too many digits for the declared decimal";
    let (negative, digits) = sign(field, false);
    let point = digits.iter().position(|&b| b == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &[][..]),
    };
    if whole.len() + fraction.len() == 0 || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(NOT_DECIMAL);
    }
    let scale = usize::try_from(scale).map_err(|_| NOT_DECIMAL)?;
    let (kept, dropped) = fraction.split_at(fraction.len().min(scale));
    if dropped.iter().any(|&b| b != b'0') {
        return Err("has more decimal places than the declared decimal");
    }
    let zeros = std::iter::repeat_n(&b'0', scale - kept.len());
    let value = whole
        .iter()
        .chain(kept)
        .chain(zeros)
        .try_fold(0i128, |sum, &b| sum.checked_mul(10)?.checked_add(i128::from(b - b'0')))
        .ok_or(TOO_LARGE)?;
    let limit = 10i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX);
    if value >= limit {
        return Err(TOO_LARGE);
    }
    Ok(if negative { -value } else { value })
}

/// Reads a truth value. With `canonical` only `true` and `false` in lower case.
pub(super) fn boolean(field: &[u8], canonical: bool) -> Result<bool, Refusal> {
    let is = |words: &[&str]| words.iter().any(|word| field.eq_ignore_ascii_case(word.as_bytes()));
    match field {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ if canonical => Err("is neither `true` nor `false`"),
        _ if is(&["true", "t", "yes", "y", "1"]) => Ok(true),
        _ if is(&["false", "f", "no", "n", "0"]) => Ok(false),
        _ => Err("is not a boolean (true, t, yes, y, 1; false, f, no, n, 0)"),
    }
}

/// Whether the number is negative, and the rest behind the sign. `+` counts as a sign unless `canonical`.
#[inline]
fn sign(field: &[u8], canonical: bool) -> (bool, &[u8]) {
    match field {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] if !canonical => (false, rest),
        _ => (false, field),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_are_exact_or_refused() {
        assert_eq!(int(b"-9223372036854775808", true), Ok(i64::MIN));
        assert_eq!(int(b"9223372036854775807", true), Ok(i64::MAX));
        for text in ["9223372036854775808", "-9223372036854775809", &"9".repeat(100)] {
            assert_eq!(int(text.as_bytes(), true), Err("does not fit into 64 bits"), "{text}");
        }
        for text in ["", "-", "+", "1.0", "1e3", " 1", "1_0", "٣"] {
            assert_eq!(int(text.as_bytes(), false), Err(NOT_INT), "{text}");
        }
        for text in ["007", "-0", "00"] {
            assert!(int(text.as_bytes(), true).is_err(), "{text}");
            assert!(int(text.as_bytes(), false).is_ok(), "{text}");
        }
        assert!(int(b"+1", true).is_err());
        assert_eq!(int(b"00000000000000000000012", false), Ok(12));
    }

    #[test]
    fn inferred_floats_keep_every_digit() {
        for text in ["0.1", "-0.0", "1", "1e5", "1.10", "0.30000000000000004", "1E-7", "123456789012345.6"] {
            assert_eq!(float(text.as_bytes(), true).ok(), text.parse().ok(), "{text}");
        }
        for text in ["12345678901234567890.123", "9007199254740993", "0.1000000000000000055"] {
            assert_eq!(float(text.as_bytes(), true), Err("has more digits than a float can hold"), "{text}");
            assert_eq!(float(text.as_bytes(), false).ok(), text.parse().ok(), "{text}");
        }
        for text in ["1e400", "-1e400", "1e-400", "1e99999999999999999999"] {
            assert!(float(text.as_bytes(), true).is_err(), "{text}");
            assert!(float(text.as_bytes(), false).is_err(), "{text}");
        }
        for text in ["", "-", ".5", "5.", "+1.0", "00.5", "NaN", "inf", "1e", "0x1p3", "1,5", "."] {
            assert!(float(text.as_bytes(), true).is_err(), "{text}");
        }
        assert!(float(b"NaN", false).is_ok_and(f64::is_nan));
        assert_eq!(float(b"-inf", false), Ok(f64::NEG_INFINITY));
        assert_eq!(float(b"0e999999999999999999999", false), Ok(0.0));
    }

    #[test]
    fn decimals_never_round() {
        assert_eq!(decimal(b"1.5", 10, 2), Ok(150));
        assert_eq!(decimal(b"-0.0500", 10, 2), Ok(-5));
        assert_eq!(decimal(b"99.99", 4, 2), Ok(9999));
        assert!(decimal(b"100", 4, 2).is_err());
        assert!(decimal(b"1.005", 10, 2).is_err());
        for text in ["", ".", "-", "1e3", "1.2.3", "a"] {
            assert_eq!(decimal(text.as_bytes(), 10, 2), Err("is not a decimal number"), "{text}");
        }
        assert_eq!(decimal("9".repeat(38).as_bytes(), 38, 0), Ok(10i128.pow(38) - 1));
        assert!(decimal("9".repeat(60).as_bytes(), 38, 0).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn floats_agree_with_the_standard_library(text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,9})?(e-?[0-9]{1,2})?") {
            if let Ok(value) = float(text.as_bytes(), true) {
                prop_assert_eq!(Some(value.to_bits()), text.parse::<f64>().ok().map(f64::to_bits));
            }
        }

        #[test]
        fn every_float_that_was_written_is_inferred(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = zmij::Buffer::new().format(value).to_owned();
            prop_assert_eq!(float(text.as_bytes(), true), Ok(value), "{}", text);
        }

        #[test]
        fn integers_agree_with_the_standard_library(value in any::<i64>()) {
            prop_assert_eq!(int(value.to_string().as_bytes(), true), Ok(value));
        }
    }
}

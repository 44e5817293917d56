//! Comparison of numbers of different types on one number line, without rounding.

use std::cmp::Ordering;

const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;

/// Orders an int and a double exactly; `None` for NaN.
pub(crate) fn int_double(a: i64, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        None
    } else if b >= TWO_POW_63 {
        Some(Ordering::Less)
    } else if b < -TWO_POW_63 {
        Some(Ordering::Greater)
    } else {
        // In range, so the cast only drops the fraction, which decides between equal whole parts.
        Some(a.cmp(&(b as i64)).then_with(|| 0.0.partial_cmp(&b.fract()).unwrap_or(Ordering::Equal)))
    }
}

/// Orders a uint and a double exactly; `None` for NaN.
pub(crate) fn uint_double(a: u64, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        None
    } else if b >= TWO_POW_64 {
        Some(Ordering::Less)
    } else if b < 0.0 {
        Some(Ordering::Greater)
    } else {
        Some(a.cmp(&(b as u64)).then_with(|| 0.0.partial_cmp(&b.fract()).unwrap_or(Ordering::Equal)))
    }
}

/// Orders an int and a uint.
pub(crate) fn int_uint(a: i64, b: u64) -> Ordering {
    u64::try_from(a).map_or(Ordering::Less, |a| a.cmp(&b))
}

/// A double as an int, towards zero; `None` outside the range (as CEL's conformance cases have it, -2^63 itself is
/// outside).
pub(crate) fn double_to_int(value: f64) -> Option<i64> {
    (value > -TWO_POW_63 && value < TWO_POW_63).then_some(value as i64)
}

/// A double as a uint, towards zero; `None` outside the range.
pub(crate) fn double_to_uint(value: f64) -> Option<u64> {
    (0.0..TWO_POW_64).contains(&value).then_some(value as u64)
}

/// The shortest text that reads back as the same double; exponents only below 1e-6 and from 1e21.
pub(crate) fn double_to_string(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if value != 0.0 && !(1e-6..1e21).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_comparisons_do_not_round() {
        use Ordering::{Equal, Greater, Less};
        assert_eq!(int_double(9_007_199_254_740_993, 9_007_199_254_740_992.0), Some(Greater));
        assert_eq!(int_double(1, 1.5), Some(Less));
        assert_eq!(int_double(-1, -1.5), Some(Greater));
        assert_eq!(int_double(0, -0.0), Some(Equal));
        assert_eq!(int_double(i64::MAX, TWO_POW_63), Some(Less));
        assert_eq!(int_double(i64::MIN, -TWO_POW_63), Some(Equal));
        assert_eq!(int_double(0, f64::NAN), None);
        assert_eq!(int_double(0, f64::NEG_INFINITY), Some(Greater));
        assert_eq!(uint_double(u64::MAX, TWO_POW_64), Some(Less));
        assert_eq!(uint_double(0, -0.5), Some(Greater));
        assert_eq!(uint_double(0, -0.0), Some(Equal));
        assert_eq!(int_uint(-1, 0), Less);
        assert_eq!(int_uint(i64::MAX, i64::MAX as u64), Equal);
    }

    #[test]
    fn conversions_refuse_what_does_not_fit() {
        assert_eq!(double_to_int(-1.9), Some(-1));
        assert_eq!(double_to_int(TWO_POW_63), None);
        assert_eq!(double_to_int(-TWO_POW_63), None);
        assert_eq!(double_to_int(f64::NAN), None);
        assert_eq!(double_to_uint(-0.5), None);
        assert_eq!(double_to_uint(1.9), Some(1));
        assert_eq!(double_to_uint(f64::INFINITY), None);
    }

    #[test]
    fn text_of_doubles_reads_back() {
        for (value, text) in
            [(2.0, "2"), (123.4, "123.4"), (-4.5e-13, "-4.5e-13"), (1e21, "1e21"), (0.1, "0.1")]
        {
            assert_eq!(double_to_string(value), text);
            assert_eq!(text.parse::<f64>(), Ok(value));
        }
    }
}

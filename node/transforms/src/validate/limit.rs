use std::cmp::Ordering;
use std::fmt;

use arrow::datatypes::i256;
use chrono::{DateTime, NaiveDate, NaiveTime};
use serde_json::Value;

use crate::cells::SECOND;
use crate::validate::subject::Subject;

/// A value that others are compared with.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    kind: Kind,
    /// As it was written.
    text: String,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Whole(i128),
    Float(f64),
    /// Nanoseconds since 1970.
    Time(i128),
}

impl Limit {
    /// Reads a number, a time in RFC 3339 or a date; `None` for anything else.
    pub fn read(value: &Value) -> Option<Self> {
        let kind = match value {
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Kind::Whole(i128::from(value)),
                (None, Some(value)) => Kind::Whole(i128::from(value)),
                (None, None) => Kind::Float(number.as_f64()?),
            },
            Value::String(text) => Kind::Time(nanos(text)?),
            _ => return None,
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(Self { kind, text })
    }

    /// The order of a value and this; `None` where they are of different types, or the value is not a number.
    pub fn compare(&self, subject: &Subject<'_>) -> Option<Ordering> {
        match (subject, self.kind) {
            (Subject::Int(value), Kind::Whole(limit)) => Some(value.cmp(&limit)),
            (Subject::Int(value), Kind::Float(limit)) => whole_float(*value, limit),
            (Subject::Float(value), Kind::Float(limit)) => value.partial_cmp(&limit),
            (Subject::Float(value), Kind::Whole(limit)) => whole_float(limit, *value).map(Ordering::reverse),
            (Subject::Decimal(value, scale), kind) => decimal(*value, *scale, kind),
            (Subject::Time(value) | Subject::Date(value), Kind::Time(limit)) => Some(value.cmp(&limit)),
            _ => None,
        }
    }

    /// The order of two limits; `None` where they are of different types.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match self.kind {
            Kind::Whole(value) => other.compare(&Subject::Int(value)),
            Kind::Float(value) => other.compare(&Subject::Float(value)),
            Kind::Time(value) => other.compare(&Subject::Time(value)),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn nanos(text: &str) -> Option<i128> {
    let time = match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.to_utc(),
        Err(_) => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN).and_utc(),
    };
    Some(i128::from(time.timestamp()) * SECOND + i128::from(time.timestamp_subsec_nanos()))
}

/// Orders a whole number and a float without rounding.
fn whole_float(whole: i128, float: f64) -> Option<Ordering> {
    // Beyond the range of `i128` the cast stays at its end, which no number here reaches.
    let truncated = float.trunc() as i128;
    (!float.is_nan()).then(|| {
        whole.cmp(&truncated).then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
    })
}

fn decimal(value: i256, scale: i8, kind: Kind) -> Option<Ordering> {
    match kind {
        Kind::Whole(limit) => {
            let power = i256::from_i128(10).checked_pow(u32::from(scale.unsigned_abs()))?;
            let limit = i256::from_i128(limit);
            // What is too big to be scaled is greater than the other side.
            Some(if scale >= 0 {
                limit.checked_mul(power).map_or(i256::ZERO.cmp(&limit), |limit| value.cmp(&limit))
            } else {
                value.checked_mul(power).map_or(value.cmp(&i256::ZERO), |value| value.cmp(&limit))
            })
        }
        Kind::Float(limit) => {
            crate::cells::decimal_text(value, scale).parse::<f64>().ok()?.partial_cmp(&limit)
        }
        Kind::Time(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_compare_without_rounding() {
        use Ordering::{Equal, Greater, Less};
        let limit = |value: Value| Limit::read(&value).unwrap();
        for (subject, value, expected) in [
            (Subject::Int(9_007_199_254_740_993), json!(9_007_199_254_740_992.0), Some(Greater)),
            (Subject::Int(1), json!(1.5), Some(Less)),
            (Subject::Int(-1), json!(-1.5), Some(Greater)),
            (Subject::Int(i128::from(u64::MAX)), json!(1e300), Some(Less)),
            (Subject::Float(f64::NAN), json!(1), None),
            (Subject::Float(f64::INFINITY), json!(u64::MAX), Some(Greater)),
            (Subject::Decimal(i256::from_i128(105), 1), json!(10), Some(Greater)),
            (Subject::Decimal(i256::from_i128(100), 1), json!(10), Some(Equal)),
            (Subject::Decimal(i256::from_i128(-1), -3), json!(-1000), Some(Equal)),
            (Subject::Decimal(i256::from_i128(-5), 76), json!(i64::MIN), Some(Greater)),
            (Subject::Decimal(i256::from_i128(15), 1), json!(1.25), Some(Greater)),
            (Subject::Time(1), json!("1970-01-01"), Some(Greater)),
            (Subject::Date(0), json!("1970-01-01T00:00:00Z"), Some(Equal)),
            (Subject::Int(1), json!("1970-01-01"), None),
        ] {
            assert_eq!(limit(value.clone()).compare(&subject), expected, "{subject:?} {value}");
        }
        assert!(Limit::read(&json!("soon")).is_none() && Limit::read(&json!(true)).is_none());
        assert_eq!(limit(json!(2)).order(&limit(json!(1.5))), Some(Greater));
        assert_eq!(limit(json!(2)).order(&limit(json!("2024-01-01"))), None);
    }
}

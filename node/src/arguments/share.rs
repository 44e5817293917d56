use std::fmt;
use std::str::FromStr;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A share from 0 to 1, written as `0.01` or `1%`; exact to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    millionths: u32,
}

const WHOLE: f64 = 1_000_000.0;

impl Share {
    /// One in a hundred.
    pub const PERCENT: Self = Self { millionths: 10_000 };

    /// From 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.millionths) / WHOLE
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a share from 0 to 1, such as 0.01 or 1%");
        let (number, unit) = match text.trim().strip_suffix('%') {
            Some(percent) => (percent.trim_end(), 100.0),
            None => (text.trim(), 1.0),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let share = number / unit;
        if !(0.0..=1.0).contains(&share) {
            return Err(wrong());
        }
        // What is above nothing stays above nothing.
        let millionths = (share * WHOLE).round().max(if share > 0.0 { 1.0 } else { 0.0 });
        Ok(Self { millionths: millionths as u32 })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fraction().fmt(f)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;

        impl Visitor<'_> for Reads {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share from 0 to 1, such as 0.01 or 1%")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Share, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Share, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Share, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Reads).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_or_percent() {
        let read = |text: &str| text.parse::<Share>().map(Share::fraction);
        for (text, fraction) in
            [("0", 0.0), ("1", 1.0), ("0.01", 0.01), ("1%", 0.01), (" 12.5 % ", 0.125), ("1e-9", 0.000_001)]
        {
            assert_eq!(read(text), Ok(fraction), "{text}");
        }
        for wrong in ["", "%", "-0.1", "1.5", "101%", "NaN", "inf", "x"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        for (json, fraction) in [("\"2%\"", 0.02), ("1", 1.0), ("0.5", 0.5)] {
            assert_eq!(serde_json::from_str::<Share>(json).map(Share::fraction).ok(), Some(fraction));
        }
        assert_eq!(serde_json::to_string(&Share::PERCENT).ok().as_deref(), Some("\"0.01\""));
    }
}

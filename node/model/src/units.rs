use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A quantity that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// A number without a unit.
    #[error("`{text}` has no unit; write `{suggestion}`")]
    Missing {
        /// As given.
        text: String,
        /// The most likely meaning.
        suggestion: String,
    },
    /// A unit that is not known for this kind of quantity.
    #[error("`{unit}` is not a unit of {kind}; use one of {known}")]
    Unknown {
        /// As given.
        unit: String,
        /// `time` or `size`.
        kind: &'static str,
        /// The units that are.
        known: &'static str,
    },
    /// Not a number at all, or out of range.
    #[error("`{text}` is not a {kind}; write for example `{example}`")]
    Malformed {
        /// As given.
        text: String,
        /// `duration` or `size`.
        kind: &'static str,
        /// A valid value.
        example: &'static str,
    },
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (text[..end].trim(), text[end..].trim())
}

/// A time span as the language writes it: a number and `ms`, `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let malformed = || UnitError::Malformed { text: text.to_owned(), kind: "duration", example: "500ms" };
        let (number, unit) = split(text.trim());
        let value: f64 = number.parse().map_err(|_| malformed())?;
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            "" => {
                return Err(UnitError::Missing { text: text.to_owned(), suggestion: format!("{number}s") });
            }
            other => {
                return Err(UnitError::Unknown {
                    unit: other.to_owned(),
                    kind: "time",
                    known: "ms, s, m, h, d",
                });
            }
        };
        Duration::try_from_secs_f64(value * seconds).map(Self).map_err(|_| malformed())
    }
}

impl TryFrom<String> for Span {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        match ms {
            ms if ms > 0 && ms.is_multiple_of(86_400_000) => write!(f, "{}d", ms / 86_400_000),
            ms if ms > 0 && ms.is_multiple_of(3_600_000) => write!(f, "{}h", ms / 3_600_000),
            ms if ms > 0 && ms.is_multiple_of(60_000) => write!(f, "{}m", ms / 60_000),
            ms if ms.is_multiple_of(1000) => write!(f, "{}s", ms / 1000),
            ms => write!(f, "{ms}ms"),
        }
    }
}

/// A number of bytes as the language writes it: `B`, decimal `kB MB GB TB`, binary `KiB MiB GiB TiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let malformed = || UnitError::Malformed { text: text.to_owned(), kind: "size", example: "16MiB" };
        let (number, unit) = split(text.trim());
        let value: f64 = number.parse().map_err(|_| malformed())?;
        let factor: u64 = match unit {
            "B" => 1,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            "" => {
                return Err(UnitError::Missing { text: text.to_owned(), suggestion: format!("{number}MiB") });
            }
            other => {
                return Err(UnitError::Unknown {
                    unit: other.to_owned(),
                    kind: "size",
                    known: "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB",
                });
            }
        };
        let bytes = value * factor as f64;
        if !bytes.is_finite() || bytes < 0.0 || bytes > (1u64 << 60) as f64 {
            return Err(malformed());
        }
        Ok(Self(bytes.round() as u64))
    }
}

impl TryFrom<String> for ByteSize {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> String {
        size.to_string()
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] {
            if self.0 > 0 && self.0.is_multiple_of(1u64 << shift) {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}B", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!("500ms".parse(), Ok(Span(Duration::from_millis(500))));
        assert_eq!("1.5h".parse(), Ok(Span(Duration::from_secs(5400))));
        assert_eq!(
            "5".parse::<Span>(),
            Err(UnitError::Missing { text: "5".to_owned(), suggestion: "5s".to_owned() })
        );
        assert!(matches!("5 weeks".parse::<Span>(), Err(UnitError::Unknown { .. })));
        assert!(matches!("s".parse::<Span>(), Err(UnitError::Malformed { .. })));
        assert!(matches!("1.2.3s".parse::<Span>(), Err(UnitError::Malformed { .. })));
    }

    #[test]
    fn sizes_tell_binary_from_decimal() {
        assert_eq!("16MiB".parse(), Ok(ByteSize(16 << 20)));
        assert_eq!("1GB".parse(), Ok(ByteSize(1_000_000_000)));
        assert!(matches!("16".parse::<ByteSize>(), Err(UnitError::Missing { .. })));
        assert!(matches!("-1MiB".parse::<ByteSize>(), Err(UnitError::Malformed { .. })));
        assert!(matches!("99999999TiB".parse::<ByteSize>(), Err(UnitError::Malformed { .. })));
    }

    #[test]
    fn text_survives_a_round_trip() {
        for text in ["500ms", "5s", "2m", "3h", "1d", "0s"] {
            assert_eq!(text.parse::<Span>().map(|s| s.to_string()), Ok(text.to_owned()));
        }
        for text in ["16MiB", "1GiB", "1000B", "0B"] {
            assert_eq!(text.parse::<ByteSize>().map(|s| s.to_string()), Ok(text.to_owned()));
        }
    }
}

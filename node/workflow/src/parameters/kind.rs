use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use serde::Serialize;

/// What the values of a parameter are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// Any text.
    String,
    /// A whole number of 64 bits.
    Int,
    /// A finite number.
    Float,
    /// `true` or `false`.
    Bool,
    /// A day: `2026-01-31`.
    Date,
    /// A moment as RFC 3339 writes it: `2026-01-31T12:00:00Z`.
    Timestamp,
}

impl ParameterKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::String, Self::Int, Self::Float, Self::Bool, Self::Date, Self::Timestamp];

    /// As the language writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }

    /// The kind of that name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The value in the one form in which it is compared and kept; `None` when it is none of this kind.
    pub fn read(self, text: &str) -> Option<String> {
        match self {
            Self::String => Some(text.to_owned()),
            Self::Int => Some(text.parse::<i64>().ok()?.to_string()),
            Self::Float => {
                // The digits stay as they were given: another form could be another number to who reads it.
                text.parse::<f64>().ok().filter(|value| value.is_finite()).map(|_| text.to_owned())
            }
            Self::Bool => matches!(text, "true" | "false").then(|| text.to_owned()),
            Self::Date => {
                let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
                // A form with fewer digits, or a year of five, would be read as well.
                (text.len() == 10).then(|| day.format("%Y-%m-%d").to_string())
            }
            Self::Timestamp => {
                let moment = DateTime::parse_from_rfc3339(text).ok()?;
                Some(moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
        }
    }

    /// Whether a scalar that is this value alone is something else than text.
    pub(crate) fn is_typed(self) -> bool {
        matches!(self, Self::Int | Self::Float | Self::Bool)
    }

    /// A value, for messages and to check a file for which none is given.
    pub fn example(self) -> &'static str {
        match self {
            Self::String => "example",
            Self::Int => "1",
            Self::Float => "1.5",
            Self::Bool => "true",
            Self::Date => "2026-01-31",
            Self::Timestamp => "2026-01-31T12:00:00Z",
        }
    }
}

impl fmt::Display for ParameterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_one_form_and_what_is_none_is_refused() {
        use ParameterKind::{Bool, Date, Float, Int, String, Timestamp};
        let good = [
            (String, "", ""),
            (String, "a b", "a b"),
            (Int, "-12", "-12"),
            (Int, "+7", "7"),
            (Int, "007", "7"),
            (Float, "1.50", "1.50"),
            (Float, "1e3", "1e3"),
            (Bool, "false", "false"),
            (Date, "2024-02-29", "2024-02-29"),
            (Timestamp, "2026-01-31T12:00:00z", "2026-01-31T12:00:00Z"),
            (Timestamp, "2026-01-31T12:00:00.5+02:00", "2026-01-31T12:00:00.500+02:00"),
        ];
        for (kind, text, read) in good {
            assert_eq!(kind.read(text).as_deref(), Some(read), "{kind} {text}");
            assert_eq!(kind.read(read).as_deref(), Some(read), "{kind} {text}: the form stays");
        }
        let bad = [
            (Int, ""),
            (Int, "1.0"),
            (Int, "9223372036854775808"),
            (Int, " 1"),
            (Float, "inf"),
            (Float, "NaN"),
            (Float, "1e999"),
            (Float, "one"),
            (Bool, "yes"),
            (Bool, "True"),
            (Date, "2026-02-29"),
            (Date, "2026-1-1"),
            (Date, "26-01-01"),
            (Date, "+12026-01-01"),
            (Date, "2026-01-01T00:00:00Z"),
            (Timestamp, "2026-01-01"),
            (Timestamp, "2026-01-01T00:00:00"),
            (Timestamp, "2026-13-01T00:00:00Z"),
        ];
        for (kind, text) in bad {
            assert_eq!(kind.read(text), None, "{kind} {text}");
        }
        for kind in ParameterKind::ALL {
            assert_eq!(kind.read(kind.example()).as_deref(), Some(kind.example()));
            assert_eq!(ParameterKind::parse(kind.as_str()), Some(kind));
        }
    }
}

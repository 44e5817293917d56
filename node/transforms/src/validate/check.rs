use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::validate::limit::Limit;
use crate::validate::one_of::OneOf;
use crate::validate::subject::Subject;

/// The types that a rule can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuleType {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// Any number.
    Number,
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// A date.
    Date,
    /// A time with its date.
    Timestamp,
    /// A list.
    List,
    /// A record or a map.
    Record,
}

impl RuleType {
    fn fits(self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Bool => matches!(subject, Subject::Bool(_)),
            Self::Int => matches!(subject, Subject::Int(_)),
            Self::Number => matches!(subject, Subject::Int(_) | Subject::Float(_) | Subject::Decimal(..)),
            Self::String => matches!(subject, Subject::Text(_)),
            Self::Bytes => matches!(subject, Subject::Bytes(_)),
            Self::Date => matches!(subject, Subject::Date(_)),
            Self::Timestamp => matches!(subject, Subject::Time(_)),
            Self::List => matches!(subject, Subject::List(_)),
            Self::Record => matches!(subject, Subject::Record),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Number => "number",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::List => "list",
            Self::Record => "record",
        }
    }
}

/// One thing that must be so of a value.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    Required,
    NotNull,
    Type(RuleType),
    Min(Limit),
    Max(Limit),
    MinLength(usize),
    MaxLength(usize),
    Pattern(Regex),
    OneOf(OneOf),
}

impl Check {
    /// Whether the value is as it must be; null fails only where it is asked for.
    pub fn holds(&self, subject: &Subject<'_>) -> bool {
        if *subject == Subject::Null {
            return !matches!(self, Self::Required | Self::NotNull);
        }
        match self {
            Self::Required | Self::NotNull => true,
            Self::Type(wanted) => wanted.fits(subject),
            Self::Min(limit) => limit.compare(subject).is_some_and(|order| order.is_ge()),
            Self::Max(limit) => limit.compare(subject).is_some_and(|order| order.is_le()),
            Self::MinLength(limit) => subject.length().is_some_and(|length| length >= *limit),
            Self::MaxLength(limit) => subject.length().is_some_and(|length| length <= *limit),
            Self::Pattern(pattern) => match subject {
                Subject::Text(text) => pattern.is_match(text),
                _ => false,
            },
            Self::OneOf(values) => values.contains(subject),
        }
    }

    pub fn code(&self) -> &'static str {
        match self {
            Self::Required => "rule_required",
            Self::NotNull => "rule_not_null",
            Self::Type(_) => "rule_type",
            Self::Min(_) => "rule_min",
            Self::Max(_) => "rule_max",
            Self::MinLength(_) => "rule_min_length",
            Self::MaxLength(_) => "rule_max_length",
            Self::Pattern(_) => "rule_pattern",
            Self::OneOf(_) => "rule_one_of",
        }
    }

    /// What is wrong with a value for which this does not hold.
    pub fn complaint(&self, field: &str, subject: &Subject<'_>) -> String {
        let found = subject.shown();
        match self {
            Self::Required | Self::NotNull => format!("`{field}` is null"),
            Self::Type(wanted) => format!("`{field}` is {found}, not of type {}", wanted.name()),
            Self::Min(limit) => format!("`{field}` is {found}, not {limit} or more"),
            Self::Max(limit) => format!("`{field}` is {found}, not {limit} or less"),
            Self::MinLength(limit) => format!("`{field}` is {found}, not of length {limit} or more"),
            Self::MaxLength(limit) => format!("`{field}` is {found}, not of length {limit} or less"),
            Self::Pattern(pattern) => {
                format!(
                    "`{field}` is {found}, which `{}` does not match",
                    crate::cells::shortened(pattern.as_str())
                )
            }
            Self::OneOf(_) => format!("`{field}` is {found}, none of the values that are allowed"),
        }
    }
}

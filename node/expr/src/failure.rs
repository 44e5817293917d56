use std::borrow::Cow;
use std::fmt;

/// Why an operation has no value for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub code: &'static str,
    pub message: Cow<'static, str>,
}

impl Failure {
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn overflow(what: fmt::Arguments<'_>) -> Self {
        Self::new("overflow", format!("{what} is out of range"))
    }

    pub fn overload(function: &str, kinds: &[&str]) -> Self {
        Self::new("no_such_overload", format!("`{function}` is not defined for ({})", kinds.join(", ")))
    }

    /// An optional that holds nothing is asked for its value.
    pub fn no_value() -> Self {
        Self::new("no_value", "the optional holds no value")
    }

    /// An operand of a strict operation is null.
    pub fn null_operand(function: &str) -> Self {
        Self::new("no_such_overload", format!("`{function}` is not defined for null"))
    }
}

use crate::ConnectorError;

/// A rule that a connector breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {detail}")]
pub struct Violation {
    /// What every connector must do.
    pub rule: &'static str,
    /// What this one did.
    pub detail: String,
}

impl Violation {
    /// A broken rule.
    pub fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}

/// Fails with the rule unless the condition holds.
pub(super) fn ensure(
    condition: bool,
    rule: &'static str,
    detail: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if condition { Ok(()) } else { Err(Violation::new(rule, detail())) }
}

/// Turns an error that should not have happened into a broken rule.
pub(super) trait OrViolation<T> {
    /// Names the rule that the error breaks.
    fn or_violation(self, rule: &'static str) -> Result<T, Violation>;
}

impl<T> OrViolation<T> for Result<T, ConnectorError> {
    fn or_violation(self, rule: &'static str) -> Result<T, Violation> {
        self.map_err(|error| Violation::new(rule, format!("[{}] {error}", error.code())))
    }
}

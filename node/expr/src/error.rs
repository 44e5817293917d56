/// A fault of an expression's text or of its types against a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// Byte offset in the expression's text, where it is known.
    pub offset: Option<usize>,
    /// Stable code, snake case: `syntax`, `unknown_function`, `no_such_overload`, ...
    pub code: &'static str,
    /// What is wrong, naming types and functions as the user writes them.
    pub message: String,
    /// What to do, where there is one answer.
    pub help: Option<String>,
}

impl ExprError {
    pub(crate) fn new(
        offset: impl Into<Option<usize>>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { offset: offset.into(), code, message: message.into(), help: None }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// One row for which an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// Index of the row in the batch.
    pub row: usize,
    /// Stable code, snake case: `overflow`, `division_by_zero`, `no_such_field`, `no_such_overload`, ...
    pub code: &'static str,
    /// What is wrong, with the offending value.
    pub message: String,
}

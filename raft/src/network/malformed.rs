/// A message that another node cannot have meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {field} {problem}")]
pub(crate) struct Malformed {
    /// Where in the message, as in `entries[3].log_id`.
    pub field: String,
    pub problem: String,
}

impl Malformed {
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }

    pub fn missing(field: impl Into<String>) -> Self {
        Self::new(field, "is missing")
    }
}

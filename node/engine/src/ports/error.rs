use etl_model::{Fault, Retry};

/// A state store that could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// Whose fault.
    pub fault: Fault,
    /// What happened, naming the place.
    pub message: String,
    /// Whether the chain may be opened again in the hope of another outcome.
    pub retry: Retry,
    /// What to do.
    pub help: Option<String>,
}

impl PortError {
    /// A store that cannot be had at the moment, or something that is another's now: the chain may be opened again.
    pub fn passing(message: impl Into<String>) -> Self {
        Self { fault: Fault::External, message: message.into(), retry: Retry::Backoff, help: None }
    }

    /// A defect.
    pub fn defect(message: impl Into<String>) -> Self {
        Self { fault: Fault::Internal, message: message.into(), retry: Retry::Never, help: None }
    }
}

use etl_model::Fault;

/// A state store that could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// Whose fault.
    pub fault: Fault,
    /// What happened, naming the place.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

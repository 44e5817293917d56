/// Why something cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The metrics cannot be written down; a defect.
    #[error("the metrics cannot be encoded")]
    Encode,
    /// Spans cannot be sent as the settings ask for.
    #[error("traces cannot be sent to {endpoint}: {problem}")]
    Endpoint {
        /// As it was given.
        endpoint: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A thread cannot be started.
    #[error("the thread that sends spans cannot be started: {0}")]
    Thread(String),
}

use serde::Serialize;

/// A degraded state of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable, for programs.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The node concerned; `None` for the cluster.
    pub node: Option<u64>,
}

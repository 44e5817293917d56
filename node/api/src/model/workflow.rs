use serde::Serialize;

use super::Finding;

/// A version of a workflow without its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowSummary {
    /// The workflow.
    pub name: String,
    /// Counts up from 1 and goes on after a deletion.
    pub version: u64,
    /// SHA-256 of the document, hexadecimal.
    pub hash: String,
    /// Milliseconds since 1970, by the leader's clock.
    pub changed_at_ms: u64,
    /// Whether this tells when that version was taken out of force, rather than put into it.
    pub deleted: bool,
    /// When it starts next by itself, in milliseconds since 1970; `None` when it has no schedule, and in a history.
    pub next_tick_ms: Option<u64>,
}

/// A version of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowDocument {
    /// What and when.
    #[serde(flatten)]
    pub summary: WorkflowSummary,
    /// YAML.
    pub document: String,
}

/// What applying a document did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Whether anything changed.
    pub outcome: Outcome,
    /// The workflow.
    pub name: String,
    /// After it.
    pub version: u64,
    /// The document in force before; `None` when there was none.
    pub previous_document: Option<String>,
}

/// What became of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did not exist.
    Created,
    /// It has a new version.
    Updated,
    /// The document is already in force.
    Unchanged,
}

/// What a node says of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Linted {
    /// The workflow's name; `None` when the document is not valid.
    pub name: Option<String>,
    /// Errors and warnings, in the order of their places.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

use etl_model::Fault;
use tonic::Status;

use super::Kind;
use super::details;
use crate::model::Finding;

/// Longest message of a status, in bytes. A trailer has 16 KiB, non-ASCII bytes take three.
const MAX_MESSAGE_BYTES: usize = 1024;

/// Why a node refuses a call. Travels as a gRPC status with details that any tool can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What sort it is.
    pub kind: Kind,
    /// Stable, for programs.
    pub code: String,
    /// What is wrong, in one sentence or two.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// What programs may want to know beside.
    pub detail: Option<Detail>,
}

/// What a refusal knows beside its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// What is wrong with a document, in the order of the places.
    InvalidWorkflow {
        /// As many as a trailer can hold.
        findings: Vec<Finding>,
        /// Further ones.
        omitted: u32,
    },
    /// A version was expected and another one is there; 0 stands for "it does not exist".
    VersionConflict {
        /// The workflow.
        name: String,
        /// What the caller expected.
        expected: u64,
        /// What is in force.
        actual: u64,
    },
}

impl Refusal {
    /// A refusal without help.
    pub fn new(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        Self { kind, code: code.to_owned(), message: message.into(), help: None, detail: None }
    }

    /// The same with what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The document is not valid.
    pub fn invalid_workflow(findings: Vec<Finding>) -> Self {
        let message = match findings.as_slice() {
            [only] => format!("the workflow is not valid: {}:{} {}", only.line, only.column, only.message),
            all => format!("the workflow is not valid: {} findings", all.len()),
        };
        let detail = Detail::InvalidWorkflow { findings, omitted: 0 };
        Self { detail: Some(detail), ..Self::new(Kind::Invalid, "invalid_workflow", message) }
    }

    /// The workflow is at another version than was expected; 0 stands for "it does not exist".
    pub fn version_conflict(name: &str, expected: u64, actual: u64) -> Self {
        let message = match (expected, actual) {
            (0, actual) => format!("workflow {name} exists already, at version {actual}"),
            (expected, 0) => format!("workflow {name} does not exist, version {expected} was expected"),
            _ => format!("workflow {name} is at version {actual}, version {expected} was expected"),
        };
        let detail = Detail::VersionConflict { name: name.to_owned(), expected, actual };
        Self { detail: Some(detail), ..Self::new(Kind::Conflict, "version_conflict", message) }
            .help("look at what is in force, then apply again with its version")
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.kind.fault()
    }

    /// Whether the same call may succeed later, and making it again is harmless.
    pub fn is_retryable(&self) -> bool {
        self.kind == Kind::Unavailable
    }

    /// What a node said; its own words, if it is one of this program.
    pub fn from_status(status: &Status) -> Self {
        let kind = Kind::from_code(status.code());
        details::decode(kind, status.details()).unwrap_or_else(|| {
            let message = match status.message() {
                "" => format!("the call ended with {}", status.code()),
                message => message.to_owned(),
            };
            Self::new(kind, kind.default_name(), message)
        })
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = shortened(&refusal.message, MAX_MESSAGE_BYTES).to_owned();
        Status::with_details(refusal.kind.code(), message, details::encode(&refusal).into())
    }
}

/// As much of the text as fits into so many bytes.
pub(super) fn shortened(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::encoding;
use crate::encoding_error::EncodingError;
use crate::keys::NodeId;
use crate::rejection::Rejection;

const VERSION: u8 = 1;
const WHAT: &str = "a response";

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Response {
    /// It is so now; perhaps it was before.
    Done,
    /// The node's id.
    Registered { node: NodeId },
    /// The version in force now.
    WorkflowPut { version: u64, outcome: PutOutcome },
    /// The version that was in force.
    WorkflowDeleted { version: u64 },
    /// The new version of a schedule, secret or user: the index of its entry, so that no version is given twice.
    Stored { version: u64 },
    /// What the tick led to.
    Fired(Fired),
    /// The version of the workflow that runs.
    RunStarted { version: u64 },
    /// The partition's new epoch.
    Assigned { epoch: u64 },
    /// One result per item, in order.
    Advanced(Vec<Advance>),
    /// One response per command, in order.
    Batch(Vec<Response>),
    /// Nothing was changed.
    Rejected(Rejection),
}

/// What putting a workflow did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutOutcome {
    /// None of this name was in force.
    Created,
    /// There is a new version.
    Updated,
    /// The document was in force already.
    Unchanged,
}

/// What a tick of a schedule led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Fired {
    /// The run has started.
    Started,
    /// The run starts when the running one is finished.
    Queued,
    /// There is no run for this tick, because this one is running.
    Skipped { running: Uuid },
    /// The run has started in place of this one.
    Replaced { replaced: Uuid },
    /// There is no run for this tick, because this one, which had failed, goes on.
    Continued { run: Uuid },
}

/// What became of one checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Advance {
    /// It is stored.
    Ok,
    /// The sender does not hold the partition under that epoch any more and must stop for good. `epoch` is the one that
    /// is held now, 0 when nobody holds it.
    Fenced { epoch: u64 },
    /// It does not follow the last one, whose unit is `seq`.
    Gap { seq: u64 },
    /// All of it was stored before; the last unit is `seq`.
    Duplicate { seq: u64 },
    /// The position or the destination's name is over its limit, in bytes.
    TooLarge { size: u64, limit: u64 },
}

impl Response {
    /// Why nothing was changed, when that is so.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            _ => None,
        }
    }

    /// The response, or why nothing was changed.
    pub fn into_result(self) -> Result<Self, Rejection> {
        match self {
            Self::Rejected(rejection) => Err(rejection),
            response => Ok(response),
        }
    }

    /// One version byte, then MessagePack with names.
    pub fn encode(&self) -> Result<Vec<u8>, EncodingError> {
        encoding::encode(WHAT, VERSION, self)
    }

    /// Reads what `encode` wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        encoding::decode(WHAT, VERSION, bytes)
    }
}

impl fmt::Display for Advance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("stored"),
            Self::Fenced { epoch } => write!(f, "fenced, the epoch is {epoch}"),
            Self::Gap { seq } => write!(f, "it does not follow unit {seq}"),
            Self::Duplicate { seq } => write!(f, "stored before, up to unit {seq}"),
            Self::TooLarge { size, limit } => write!(f, "{size} bytes are over the limit of {limit}"),
        }
    }
}

impl From<Result<Response, Rejection>> for Response {
    fn from(result: Result<Response, Rejection>) -> Self {
        result.unwrap_or_else(Self::Rejected)
    }
}

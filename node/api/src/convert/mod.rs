//! What is on the wire and what it means, one pair a file. Nothing else knows the generated types of answers.

mod cluster;
mod finding;
mod node;
mod workflow;

pub(crate) use finding::{finding_from_wire, finding_to_wire};

use crate::model::Consistency;
use etl_proto::admin as wire;

/// An answer does not hold what it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer's field `{field}` {problem}")]
pub struct Malformed {
    /// Its name in the definition.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Malformed {
    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }

    fn unknown(field: &'static str, value: i32) -> Self {
        Self::new(field, format!("has the value {value}, which this program does not know; upgrade it"))
    }
}

impl From<Consistency> for wire::Consistency {
    fn from(consistency: Consistency) -> Self {
        match consistency {
            Consistency::Linearizable => Self::Linearizable,
            Consistency::Stale => Self::Stale,
        }
    }
}

impl From<wire::Consistency> for Consistency {
    fn from(consistency: wire::Consistency) -> Self {
        match consistency {
            wire::Consistency::Linearizable => Self::Linearizable,
            wire::Consistency::Stale => Self::Stale,
        }
    }
}

//! What is on the wire and what it means, one pair a file. Nothing else knows the generated types of answers.

mod checkpoint;
mod cluster;
mod finding;
mod insight;
mod node;
mod partition;
mod run;
mod run_log;
mod tap;
mod workflow;

pub(crate) use finding::{finding_from_wire, finding_to_wire};
pub(crate) use run_log::{level_of_request, level_to_wire};

use etl_model::Counters;
use etl_proto::admin as wire;
use uuid::Uuid;

use crate::model::Consistency;

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

/// A UUID with or without hyphens.
pub(crate) fn uuid(field: &'static str, text: &str) -> Result<Uuid, Malformed> {
    Uuid::parse_str(text).map_err(|error| Malformed::new(field, error.to_string()))
}

/// The same, where an empty text says that there is none.
fn uuid_or_none(field: &'static str, text: &str) -> Result<Option<Uuid>, Malformed> {
    if text.is_empty() { Ok(None) } else { uuid(field, text).map(Some) }
}

/// A text, where an empty one says that there is none.
fn text_or_none(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn counters_to_wire(counters: &Counters) -> wire::Counters {
    let Counters { read, delivered, filtered, dead_lettered, failed, created, bytes_read, bytes_written } =
        *counters;
    wire::Counters { read, delivered, filtered, dead_lettered, failed, created, bytes_read, bytes_written }
}

fn counters_from_wire(field: &'static str, counters: Option<wire::Counters>) -> Result<Counters, Malformed> {
    let counters = counters.ok_or_else(|| Malformed::new(field, "is missing"))?;
    let wire::Counters {
        read,
        delivered,
        filtered,
        dead_lettered,
        failed,
        created,
        bytes_read,
        bytes_written,
    } = counters;
    Ok(Counters { read, delivered, filtered, dead_lettered, failed, created, bytes_read, bytes_written })
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

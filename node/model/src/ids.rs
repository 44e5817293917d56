use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{InvalidShard, Shard};

/// A name that does not match `^[a-z0-9_-]+$`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a valid name: use lower-case letters, digits, `_` and `-`")]
pub struct InvalidName {
    /// The name as it was given.
    pub name: String,
}

fn validated(name: &str) -> Result<String, InvalidName> {
    let valid = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if valid { Ok(name.to_owned()) } else { Err(InvalidName { name: name.to_owned() }) }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `name` against `^[a-z0-9_-]+$`.
            pub fn new(name: &str) -> Result<Self, InvalidName> {
                validated(name).map(Self)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(name: String) -> Result<Self, InvalidName> {
                Self::new(&name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type! {
    /// The name of a workflow: the key of its state and of its markers at every destination.
    WorkflowName
}

name_type! {
    /// The name of a source, transformation or destination inside a workflow.
    StepName
}

/// One execution of a workflow; sorts by start time (UUID version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(Uuid);

impl RunId {
    /// A new id, later than all before on this machine's clock.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads the hyphenated form that `Display` writes.
    pub fn parse(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }

    /// The last eight hexadecimal digits, for file names and log lines.
    pub fn short(&self) -> String {
        let text = self.0.simple().to_string();
        text[24..].to_owned()
    }
}

impl From<Uuid> for RunId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl From<RunId> for Uuid {
    fn from(run: RunId) -> Self {
        run.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The unit of parallelism of a source, named by its connector and stable over runs:
/// a file's path, a table's name, a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionId(pub String);

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The way of one partition's records to one destination: the key of a marker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Route {
    /// The workflow.
    pub workflow: WorkflowName,
    /// The source step.
    pub source: StepName,
    /// The partition of that source.
    pub partition: PartitionId,
    /// The destination step.
    pub destination: StepName,
    /// The part of the rows, where they are divided among shards on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl Route {
    /// Where it ends, as text: the key of markers, checkpoints and dead letters beside the partition's.
    pub fn end(&self) -> RouteEnd {
        RouteEnd { destination: self.destination.clone(), shard: self.shard }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}[{}] -> {}", self.workflow, self.source, self.partition, self.end())
    }
}

/// A destination, or a shard of it. Its text is the destination's name, followed by a dot and the shard where there is
/// one: `orders`, `orders.3of8`. No name of a step has a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteEnd {
    /// The destination step.
    pub destination: StepName,
    /// The shard.
    pub shard: Option<Shard>,
}

/// A text that names neither a destination nor a shard of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRouteEnd {
    /// The part before the dot, or the whole.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The part behind the dot.
    #[error(transparent)]
    Shard(#[from] InvalidShard),
}

impl FromStr for RouteEnd {
    type Err = InvalidRouteEnd;

    fn from_str(text: &str) -> Result<Self, InvalidRouteEnd> {
        Ok(match text.split_once('.') {
            Some((name, shard)) => Self { destination: StepName::new(name)?, shard: Some(shard.parse()?) },
            None => Self { destination: StepName::new(text)?, shard: None },
        })
    }
}

impl fmt::Display for RouteEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shard {
            Some(shard) => write!(f, "{}.{shard}", self.destination),
            None => self.destination.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words() {
        assert!(StepName::new("user_transform-2").is_ok());
        for bad in ["", "User", "a b", "a.b", "é"] {
            assert_eq!(StepName::new(bad), Err(InvalidName { name: bad.to_owned() }));
        }
    }

    #[test]
    fn the_end_of_a_route_has_one_text() {
        for text in ["orders", "orders.3of8", "a-b_2.0of1"] {
            assert_eq!(text.parse::<RouteEnd>().map(|end| end.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["", ".0of1", "orders.", "orders.3", "orders.8of8", "orders.3of8.1of2", "Orders"] {
            assert!(wrong.parse::<RouteEnd>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_route_without_shard_reads_and_writes_as_it_always_did() {
        let text = r#"{"workflow":"w","source":"s","partition":"p","destination":"d"}"#;
        let route = serde_json::from_str::<Route>(text);
        assert!(route.as_ref().is_ok_and(|route| route.to_string() == "w: s[p] -> d"));
        assert_eq!(route.and_then(|route| serde_json::to_string(&route)).ok(), Some(text.to_owned()));
    }

    #[test]
    fn run_ids_sort_by_time_and_survive_text() {
        let first = RunId::generate();
        let second = RunId::generate();
        assert!(first < second);
        assert_eq!(RunId::parse(&first.to_string()), Ok(first));
        assert_eq!(first.short().len(), 8);
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}[{}] -> {}", self.workflow, self.source, self.partition, self.destination)
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
    fn run_ids_sort_by_time_and_survive_text() {
        let first = RunId::generate();
        let second = RunId::generate();
        assert!(first < second);
        assert_eq!(RunId::parse(&first.to_string()), Ok(first));
        assert_eq!(first.short().len(), 8);
    }
}

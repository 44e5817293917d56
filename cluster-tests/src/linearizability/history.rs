use std::collections::BTreeMap;

use super::checker;
use super::operation::{Input, Operation, Output};

/// What clients did to each key.
#[derive(Debug, Default)]
pub struct History {
    keys: BTreeMap<String, Vec<Operation>>,
}

/// An acknowledged write that must be found at its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    pub version: u64,
    pub value: u64,
}

/// What a history shows.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Findings {
    pub keys: u64,
    pub operations: u64,
    pub reads: u64,
    pub writes: u64,
    pub conflicts: u64,
    /// Writes whose outcome the client does not know.
    pub unknown: u64,
    /// Keys whose history no register can have given.
    pub not_linearizable: Vec<String>,
}

impl History {
    pub fn record(&mut self, key: &str, operation: Operation) {
        self.keys.entry(key.to_owned()).or_default().push(operation);
    }

    /// The acknowledged writes of every key.
    pub fn acknowledged(&self) -> impl Iterator<Item = (&str, Vec<Acknowledged>)> {
        self.keys.iter().map(|(key, operations)| {
            let written = |operation: &Operation| match (operation.input, operation.output) {
                (Input::Put { value } | Input::PutIf { value, .. }, Some(Output::Written { version })) => {
                    Some(Acknowledged { version, value })
                }
                _ => None,
            };
            (key.as_str(), operations.iter().filter_map(written).collect())
        })
    }

    /// Checks every key by itself: registers that have nothing to do with each other are linearizable together when each
    /// one is (Herlihy and Wing, "Linearizability", 1990, theorem 1).
    pub fn check(&self) -> Findings {
        let mut findings = Findings { keys: self.keys.len() as u64, ..Findings::default() };
        for (key, operations) in &self.keys {
            for operation in operations {
                findings.operations += 1;
                let count = match operation.output {
                    Some(Output::Read { .. }) => &mut findings.reads,
                    Some(Output::Written { .. }) => &mut findings.writes,
                    Some(Output::Conflict) => &mut findings.conflicts,
                    None => &mut findings.unknown,
                };
                *count += 1;
            }
            if let Err(placed) = checker::check(operations) {
                let of = operations.len();
                findings.not_linearizable.push(format!("{key}: only {placed} of {of} calls find a place"));
            }
        }
        findings
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::table::{Record, RowKind, Rows, Table};

/// Secrets in their envelopes; what is inside is never known here.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    table: Table<Secret>,
}

/// A sealed secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Index of the entry that last changed it.
    pub version: u64,
    /// Milliseconds since 1970.
    pub changed_at_ms: u64,
    #[serde(with = "serde_bytes")]
    pub envelope: Vec<u8>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("version", &self.version)
            .field("changed_at_ms", &self.changed_at_ms)
            .field("envelope", &format_args!("{} bytes", self.envelope.len()))
            .finish()
    }
}

impl Record for Secret {
    type Key = String;
    const KIND: RowKind = RowKind::Secret;
}

impl Secrets {
    /// A secret.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.table.get(&name.to_owned())
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.table.iter().map(|(name, secret)| (name.as_str(), secret))
    }

    pub(crate) fn set(&mut self, name: &str, secret: Secret) {
        self.table.set(name.to_owned(), secret);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.table.remove(&name.to_owned());
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.table]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.table]
    }
}

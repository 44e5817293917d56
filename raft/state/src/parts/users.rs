use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::table::{Record, RowKind, Rows, Table};

/// Who may use the cluster.
#[derive(Debug, Clone, Default)]
pub struct Users {
    table: Table<User>,
}

/// A person or a program.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Index of the entry that last changed it.
    pub version: u64,
    /// Milliseconds since 1970.
    pub changed_at_ms: u64,
    /// What proves who they are, hashed; opaque here.
    #[serde(with = "serde_bytes")]
    pub credential: Vec<u8>,
    pub roles: BTreeSet<String>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("version", &self.version)
            .field("changed_at_ms", &self.changed_at_ms)
            .field("credential", &format_args!("{} bytes", self.credential.len()))
            .field("roles", &self.roles)
            .finish()
    }
}

impl Record for User {
    type Key = String;
    const KIND: RowKind = RowKind::User;
}

impl Users {
    /// A user.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.table.get(&name.to_owned())
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &User)> {
        self.table.iter().map(|(name, user)| (name.as_str(), user))
    }

    pub(crate) fn set(&mut self, name: &str, user: User) {
        self.table.set(name.to_owned(), user);
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

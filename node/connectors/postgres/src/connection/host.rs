use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// Where one server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// Its name or address, or the directory of its Unix socket.
    pub(crate) name: String,
    /// Its port.
    pub(crate) port: u16,
}

impl Host {
    /// Whether it is the directory of a Unix socket.
    pub(crate) fn is_socket(&self) -> bool {
        self.name.starts_with('/')
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

/// Which of several servers is taken
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TargetSessionAttrs {
    /// The first that answers.
    Any,
    /// The first that takes writes.
    ReadWrite,
    /// The first that takes none, such as a standby.
    ReadOnly,
}

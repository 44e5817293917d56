//! Where a database is, and how it is reached.
//!
//! **Invariant:** a password is never part of an error, a log line or a `Debug` output.

mod config;
mod dial;
mod host;
mod session;
mod tls;
mod transport;
mod url;

pub(crate) use config::{ConnectionConfig, RawConnection, SslMode as SslModeField, with_connection_fields};
pub(crate) use host::TargetSessionAttrs as TargetSessionAttrsField;
pub(crate) use session::Session;

//! PostgreSQL as source and destination by binary COPY, with markers in the same transaction as the rows.
//!
//! **Invariants:** no value of the user's reaches SQL text unquoted; a password is never printed.

mod catalog;
mod connection;
pub mod copy;
mod destination;
mod error;
mod identifier;
mod record;
mod source;
pub mod types;
mod wire;

pub use destination::PostgresDestination;
pub use error::PostgresError;
pub use source::PostgresSource;

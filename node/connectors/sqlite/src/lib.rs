//! SQLite as source and destination, with markers in the same transaction as the rows.
//!
//! **Invariant:** every connection lives on blocking threads; async code only hands it over.

mod connection;
mod destination;
mod error;
mod identifier;
mod source;
mod table;

pub use destination::SqliteDestination;
pub use error::SqliteError;
pub use source::SqliteSource;

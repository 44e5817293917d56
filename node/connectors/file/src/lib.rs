//! Files as source and destination: CSV, JSON and Parquet, with patterns and compression.
//!
//! A source reads every matching file as a partition and can go on at any record. A destination stages rows beside
//! its target and makes them visible in one atomic step.

mod destination;
mod error;
mod format;
mod source;

pub use destination::FileDestination;
pub use error::FileError;
pub use source::FileSource;

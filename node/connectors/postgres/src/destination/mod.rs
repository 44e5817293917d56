//! The destination `postgres`: binary COPY and the marker in one transaction.

mod completion;
mod config;
mod connector;
mod copying;
mod documentation;
mod encoder;
mod fence;
mod isolation;
mod layout;
mod markers;
mod refusal;
mod replacement;
mod target;
mod unit;
mod upsert;
mod writer;

pub use connector::PostgresDestination;

//! The source `postgres`: key ranges or pages of a table, or a query, read by binary COPY at one snapshot.

mod bounds;
mod chunk;
mod config;
mod connector;
mod cursor;
mod documentation;
mod plan;
mod range;
mod reader;
mod select;
mod snapshot;

pub use connector::PostgresSource;

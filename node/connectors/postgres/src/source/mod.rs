//! The source `postgres`: key ranges or pages of a table, or a query, read by binary COPY at one snapshot.

mod block_rows;
mod blocks;
mod bounds;
mod checks;
mod chunk;
mod config;
mod connector;
mod cursor;
mod documentation;
mod opened;
mod origin;
mod plan;
mod progress;
mod range;
mod reader;
mod rows;
mod select;
mod snapshot;

pub use connector::PostgresSource;

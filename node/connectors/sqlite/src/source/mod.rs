//! The source `sqlite`.

mod chunk;
mod columns;
mod config;
mod connector;
mod cursor;
mod decode;
mod documentation;
mod plan;
mod producer;
mod reader;

pub use connector::SqliteSource;

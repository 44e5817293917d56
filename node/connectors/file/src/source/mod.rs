//! The source `file`: every file that the path matches is a partition.

mod chunk;
mod config;
mod connector;
mod cursor;
mod files;
mod framing;
mod input;
mod parquet_core;
mod partition;
mod prefix;
mod reader;
mod sample;
mod schema;
mod settings;
mod text_core;

pub use connector::FileSource;

//! The source `generate`: records that are a function of their number.

mod config;
mod connector;
mod documentation;
mod random;
mod reader;
mod rows;
mod source;

pub use connector::GenerateSource;

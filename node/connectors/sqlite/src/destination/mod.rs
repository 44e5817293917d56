//! The destination `sqlite`.

mod cells;
mod completion;
mod config;
mod connector;
mod documentation;
mod encoder;
mod insert;
mod markers;
mod nested;
mod plan;
mod refusal;
mod session;
mod shadow;
mod storage;
mod target;
mod writer;

pub use connector::SqliteDestination;

//! The destination `stdout`: rows as text on standard output.

mod config;
mod connector;
mod destination;
mod documentation;
mod encoder;
mod output;
mod writer;

pub use connector::StdoutDestination;

//! The `parse` transformation: fields out of a text.

mod config;
mod connector;
mod csv;
mod key_value;
mod parser;
mod processor;

pub use connector::Parse;

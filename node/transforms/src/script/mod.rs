//! The `script` transformation: a sandboxed function per record, and the columns of what it returns.

mod config;
mod connector;
mod document;
mod engine;
mod failure;
mod moment;
mod processor;
mod reader;
mod shape;
mod writer;

pub use connector::Script;

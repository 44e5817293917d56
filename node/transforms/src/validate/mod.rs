//! The `validate` transformation: rules on fields, expressions, or a JSON Schema, and the records that break them.

mod check;
mod config;
mod connector;
mod document;
mod limit;
mod one_of;
mod processor;
mod rule;
mod subject;

pub use connector::Validate;

//! The `explode` transformation: a record for each element of a list or map.

mod connector;
mod elements;
mod processor;

pub use connector::Explode;

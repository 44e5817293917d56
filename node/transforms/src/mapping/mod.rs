//! The `mapping` transformation: its config, the shape of its records, and their computation.

mod config;
mod connector;
mod keep;
mod layout;
mod processor;
mod projection;

pub use connector::Mapping;

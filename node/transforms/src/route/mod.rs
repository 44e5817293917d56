//! The `route` transformation: one of several ways for each record.
//!
//! The language puts a step for each output in its place; each of them takes the records of its output out of all.

mod config;
mod connector;
mod processor;

pub use connector::Route;

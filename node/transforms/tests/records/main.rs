//! The transformations of records through the traits that the engine calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batches;
mod cast;
mod choose;
mod differential;
mod explode;
mod flatten;
mod generated;
mod mask;
mod parse;
#[cfg(feature = "sql")]
mod sql;

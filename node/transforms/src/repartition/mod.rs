//! The `repartition` transformation: rows with equal keys meet in one shard.
//!
//! ```text
//! row -> values of `by` -> canonical bytes (`key`) -> XXH3 -> shard
//! ```

mod connector;
mod processor;

pub use connector::Repartition;

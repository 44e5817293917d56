//! The `repartition` transformation: rows with equal keys meet in one shard.
//!
//! ```text
//! row -> values of `by` -> canonical bytes (`canonical`) -> XXH3 -> shard
//! ```

mod canonical;
mod column;
mod connector;
mod key;
mod processor;
mod value;

pub use connector::Repartition;

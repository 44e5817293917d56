//! Tuples of binary COPY to Arrow columns.
//!
//! The tuples are cut into blocks of a few hundred rows: one pass finds the fields of a block, then one loop per column
//! converts them while they are still in the cache.

mod array_value;
mod block;
mod boolean;
mod decimal;
mod decoder;
mod fault;
mod fixed;
mod list;
mod malformed;
mod numeric;
mod supply;
mod text;
mod tuples;
mod variable;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use malformed::{Flaw, Malformed};
pub use text::value_to_text;
pub use tuples::{Decoded, decode, decode_each};

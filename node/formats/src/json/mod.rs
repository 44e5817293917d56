//! JSON lines and JSON arrays.
//!
//! A record is a JSON object; its fields become columns. A value whose type does not fit its column makes the column
//! JSON-typed ([`etl_model::json_field`]: the value's own text), so nothing is coerced, cut or nulled:
//!
//! | JSON | column |
//! |---|---|
//! | integers inside `i64` | `Int64` |
//! | numbers with fraction or exponent, `-0` | `Float64` (the nearest double) |
//! | both, every integer at most 2^53 in size | `Float64` |
//! | integers beyond `i64`, `1e400` | JSON |
//! | strings | `Utf8` |
//! | objects | struct, or JSON with [`Nested::Json`] or when their keys differ from record to record |
//! | arrays | list, or JSON with [`Nested::Json`] |
//! | several of these, or nothing but null | JSON |
//!
//! A missing field is null, also inside nested objects. All columns are nullable.

mod array;
mod bytes;
mod column;
mod cursor;
mod decoder;
mod encoder;
mod escape;
mod exact;
mod fault;
mod infer;
mod instant;
mod leaf;
mod lines;
mod number;
mod object;
mod object_writer;
mod options;
mod records;
mod row;
mod run;
mod skip;
mod string;
mod writer;

pub use array::ArraySplitter;
pub use decoder::JsonDecoder;
pub use encoder::{ARRAY_CLOSE, ARRAY_OPEN, ArrayEncoder, LinesEncoder};
pub use infer::infer;
pub use lines::LinesSplitter;
pub use options::{Framing, JsonOptions, Nested, Nulls};
pub use row::row_to_value;

#[cfg(test)]
mod tests;

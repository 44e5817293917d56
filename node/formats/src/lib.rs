//! CSV, JSON and Parquet to and from Arrow batches, with record-precise errors.
//!
//! Text formats are read in two halves: a [`Splitter`] walks the bytes in order and finds where records end; a
//! [`Decoder`] turns any run of whole records into columns, on any thread. A record's ordinal is the offset of its
//! first byte in the (decompressed) file. This crate does no IO of its own.

mod compression;
pub mod csv;
mod error;
pub mod json;
pub mod parquet;
mod text;

pub use compression::{CompressedWriter, Compression};
pub use error::FormatError;
pub use text::{Decoder, Section, Splitter, TextEncoder};

//! Parquet files: reading from any row, writing with bounded memory, joining without encoding again.
//!
//! A record's ordinal is its row number in the file, from 0.

mod cardinality;
mod concatenate;
mod conform;
mod failure;
mod options;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use concatenate::concatenate;
pub use options::{ParquetCompression, ParquetOptions};
pub use reader::ParquetReader;
pub use writer::ParquetWriter;

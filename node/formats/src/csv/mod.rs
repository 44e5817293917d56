//! Comma-separated values, after RFC 4180 with any delimiter.
//!
//! A record ends at `\n` or `\r\n` outside quotes; a lone `\r` is data. A quote opens a quoted field only as the
//! field's first byte, anywhere else in an unquoted field it is an ordinary character; inside quotes `""` is one
//! quote. Blank lines are skipped. Spaces belong to the value.
//!
//! An unquoted field equal to a null token (by default only the empty field) is null; a quoted field never is, so
//! `""` is an empty text. In a column that is not text a quoted empty field is null all the same.

mod column;
mod column_type;
mod decoder;
mod dialect;
mod encoder;
mod fault;
mod header;
mod infer;
mod number;
mod scanner;
mod splitter;
mod table;
mod temporal;
#[cfg(test)]
mod tests;
mod writer;

pub use column_type::{ColumnType, UnknownColumnType, declare};
pub use decoder::CsvDecoder;
pub use dialect::{CsvOptions, Dialect};
pub use encoder::CsvEncoder;
pub use header::read_header;
pub use infer::infer;
pub use splitter::CsvSplitter;

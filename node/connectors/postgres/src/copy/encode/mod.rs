//! Arrow columns to tuples of binary COPY.
//!
//! A conversion is allowed or refused by the pair of types when an [`Encoding`] is made, by trying it on an empty
//! column, so that the two can never disagree. A single value that the type of its column cannot hold as it is makes
//! its row a fault: nothing is rounded, cut off or replaced by null. That includes what the server would do without a
//! word, such as rounding to the digits of `timestamp(3)`.

mod array;
mod bits;
mod calendar;
mod catalog;
mod cell_writer;
mod decimal_text;
mod decimals;
mod default_type;
mod description;
mod encode_error;
mod encoding;
mod fault;
mod floats;
mod integers;
mod interval_text;
mod json_document;
mod json_list;
mod json_map;
mod json_object;
mod json_text;
mod json_value;
mod lists;
mod matrix;
mod misfit;
mod moment_text;
mod moments;
mod network;
mod number;
mod numeric;
mod short_text;
mod spans;
mod target;
#[cfg(test)]
mod tests;
mod texts;
mod type_name;
mod uuid;

pub use default_type::default_type;
pub use encode_error::EncodeError;
pub use encoding::Encoding;
pub use misfit::Misfit;

use arrow::datatypes::Schema;

use crate::{FormatError, Section};

use super::decoder::JsonDecoder;
use super::options::JsonOptions;

/// The columns of a sample of whole records, in the order of their first appearance. Malformed records are left out;
/// what no record of the sample tells (a field that is always null) is JSON-typed.
///
/// # Errors
/// A defect only; no content of the sample is an error.
pub fn infer(section: Section<'_>, options: JsonOptions) -> Result<Schema, FormatError> {
    let decoder = JsonDecoder::new(options, None, false)?;
    Ok(Schema::new(decoder.fields(section)?))
}

use std::sync::Arc;

use arrow::datatypes::Schema;
use etl_model::{Batch, RecordError};

use super::Dialect;
use super::writer::{Writer, Written};
use crate::{FormatError, TextEncoder};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Turns columns into CSV records, each ended by `\n`.
///
/// A field is quoted only where it would be read differently otherwise. Null is the dialect's first null token, an
/// empty text `""`. Floats are written with the fewest digits that read back the same, timestamps as RFC 3339 (with
/// `Z` if they are instants), binary as base64, nested columns as JSON text.
///
/// What cannot be read back is a record error: text that needs quotes in a dialect without them, null in a dialect
/// without null tokens.
#[derive(Debug, Clone)]
pub struct CsvEncoder {
    dialect: Dialect,
    /// Bytes that make quotes necessary.
    special: [bool; 256],
    /// Whether numbers and times may hold one of them.
    plain_is_special: bool,
}

/// Why a value cannot be written.
type Refusal = (&'static str, &'static str, &'static str);

const NEEDS_QUOTES: Refusal = (
    "csv_needs_quotes",
    "would have to be quoted, but the dialect has no quotes",
    "set `quote`, or another `delimiter` or null token that the data does not hold",
);
const NO_NULL: Refusal =
    ("csv_null", "is null, but the dialect has no null token", "add one to `null_tokens`");
const BLANK: Refusal = (
    "csv_null",
    "is null and the only column, so that the record would be a blank line",
    "set a null token that is not empty, such as `NULL`, in `null_tokens`",
);

impl CsvEncoder {
    /// An encoder of this dialect.
    pub fn new(dialect: Dialect) -> Self {
        let mut special = [false; 256];
        for byte in
            [Some(b'\n'), Some(b'\r'), Some(dialect.delimiter()), dialect.quote()].into_iter().flatten()
        {
            special[usize::from(byte)] = true;
        }
        let plain_is_special = b"+-.:/= ".iter().any(|&b| special[usize::from(b)]);
        Self { dialect, special, plain_is_special }
    }

    fn needs_quotes(&self, text: &[u8]) -> bool {
        text.iter().any(|&b| self.special[usize::from(b)])
            || text.is_empty() && self.dialect.quote().is_some()
            || self.dialect.is_null(text)
            || text.starts_with(BOM)
    }

    fn write_text(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        if self.needs_quotes(text) {
            return self.write_quoted(text, out);
        }
        out.extend_from_slice(text);
        Ok(())
    }

    fn write_quoted(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        let quote = self.dialect.quote().ok_or(NEEDS_QUOTES)?;
        out.push(quote);
        let mut rest = text;
        while let Some(at) = memchr::memchr(quote, rest) {
            out.extend_from_slice(&rest[..=at]);
            out.push(quote);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        out.push(quote);
        Ok(())
    }

    fn write_field(
        &self,
        writer: &Writer,
        row: usize,
        alone: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let start = out.len();
        match writer.write(row, out) {
            Written::Text(text) => self.write_text(text, out),
            Written::Null => {
                let token = self.dialect.null_tokens().first().ok_or(NO_NULL)?;
                if alone && token.is_empty() {
                    // Quoted and empty is null in every column but text.
                    return if writer.is_text() {
                        Err(BLANK)
                    } else {
                        self.write_quoted(b"", out).map_err(|_| BLANK)
                    };
                }
                out.extend_from_slice(token.as_bytes());
                Ok(())
            }
            Written::Plain if !self.plain_is_special && !self.dialect.is_null(&out[start..]) => Ok(()),
            Written::Plain | Written::Json => {
                if self.needs_quotes(&out[start..]) {
                    let text = out.split_off(start);
                    self.write_quoted(&text, out)?;
                }
                Ok(())
            }
        }
    }
}

impl TextEncoder for CsvEncoder {
    fn encode(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<Vec<RecordError>, FormatError> {
        let schema = batch.schema();
        if self.dialect.header() && self.dialect.quote().is_none() {
            for field in schema.fields() {
                if self.needs_quotes(field.name().as_bytes()) {
                    return Err(FormatError::Invalid {
                        format: "csv",
                        message: format!("the column name `{}` {}", field.name(), NEEDS_QUOTES.1),
                    });
                }
            }
        }
        let writers = schema
            .fields()
            .iter()
            .zip(batch.records().columns())
            .map(|(field, array)| Writer::new(field, array))
            .collect::<Result<Vec<_>, _>>()?;
        let mut errors = Vec::new();
        for row in 0..batch.len() {
            let start = out.len();
            for (column, writer) in writers.iter().enumerate() {
                if column > 0 {
                    out.push(self.dialect.delimiter());
                }
                if let Err((code, message, help)) = self.write_field(writer, row, writers.len() == 1, out) {
                    out.truncate(start);
                    let name = schema.field(column).name();
                    errors.push(
                        RecordError::new(
                            batch.ordinals().value(row),
                            code,
                            format!("column `{name}` {message}"),
                        )
                        .with_field(name)
                        .with_help(help)
                        .with_record(crate::json::row_to_value(batch.records(), row)),
                    );
                    break;
                }
            }
            if out.len() > start {
                out.push(b'\n');
            }
        }
        Ok(errors)
    }

    fn header(&self, schema: &Schema) -> Option<Arc<[u8]>> {
        if !self.dialect.header() {
            return None;
        }
        let mut out = Vec::new();
        for (i, field) in schema.fields().iter().enumerate() {
            if i > 0 {
                out.push(self.dialect.delimiter());
            }
            // `encode` refuses the names that this cannot write.
            if self.write_text(field.name().as_bytes(), &mut out).is_err() {
                out.extend_from_slice(field.name().as_bytes());
            }
        }
        out.push(b'\n');
        Some(out.into())
    }
}

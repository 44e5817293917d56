use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::datatypes::{Schema, SchemaRef};
use etl_model::{Batch, RecordError, SourceLocation};

use crate::{Decoder, FormatError, Section};

use super::cursor::Cursor;
use super::fault::{Fallible, Fault};
use super::object::Object;
use super::options::JsonOptions;
use super::records::{Places, Record, Records};
use super::row::text_to_value;

/// A batch ends behind the record that reaches this many bytes, so that its texts stay below 2 GiB.
const BATCH_BYTES: usize = 256 << 20;
/// Rows decoded before room is made for the rest, as their sizes suggest.
const SAMPLE_ROWS: usize = 64;
/// A longer record is refused.
const RECORD_BYTES: usize = 1 << 30;

/// Decodes records straight into columns.
///
/// The expected columns come first and keep their order; other fields of the records become further columns of that
/// batch, so the schema may differ from batch to batch. A section gives one batch unless its records have little in
/// common. Malformed records (`json_syntax`, `json_utf8`, `json_surrogate`, `json_depth`, `json_duplicate_key`,
/// `json_not_object`, `json_too_large`) and values that do not fit a declared type (`json_type`) are record errors with
/// line and column; a value that does not fit an undeclared column makes it `Float64` where that is exact, else
/// JSON-typed, in that batch.
#[derive(Debug)]
pub struct JsonDecoder {
    options: JsonOptions,
    expected: SchemaRef,
    declared: HashSet<String>,
}

impl JsonDecoder {
    /// `expected` gives the first columns and their types; with `declared` the user chose them all. The types are those
    /// of [`super::infer`] and, declared: integers of any width, `Float32`, `Decimal128`, `Date32`, `Time32`, `Time64`,
    /// `Timestamp`, `LargeUtf8`, `Utf8View`, `Binary` (Base64), and structs and lists of them.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`] for other types, [`FormatError::Invalid`] for two columns of one name.
    pub fn new(
        options: JsonOptions,
        expected: Option<SchemaRef>,
        declared: bool,
    ) -> Result<Self, FormatError> {
        let expected = expected.unwrap_or_else(|| Arc::new(Schema::empty()));
        let names = expected.fields().iter().map(|field| field.name().clone());
        let declared = if declared { names.collect() } else { HashSet::new() };
        let decoder = Self { options, expected, declared };
        decoder.empty()?;
        Ok(decoder)
    }

    /// As [`JsonDecoder::new`], where the user chose only the types of the columns named in `declared`.
    ///
    /// # Errors
    /// As [`JsonDecoder::new`].
    pub fn with_declared<'a>(
        options: JsonOptions,
        expected: SchemaRef,
        declared: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, FormatError> {
        let mut decoder = Self::new(options, Some(expected), false)?;
        decoder.declared = declared.into_iter().map(str::to_owned).collect();
        Ok(decoder)
    }

    fn empty(&self) -> Result<Object, FormatError> {
        Object::expected(self.expected.fields(), |name| self.declared.contains(name))
    }

    fn batch(&self, object: Object, ordinals: Vec<u64>) -> Result<Batch, FormatError> {
        let rows = ordinals.len();
        let (fields, arrays) = object.finish_like(rows, self.expected.fields())?;
        let schema = Schema::new_with_metadata(fields, self.expected.metadata().clone());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let records = RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)?;
        Ok(Batch::new(records, UInt64Array::from(ordinals))?)
    }
}

/// One run over records: the rows it yields and the records it refuses.
struct Pass<'a> {
    section: Section<'a>,
    valid_utf8: bool,
    options: JsonOptions,
    places: Places<'a>,
    errors: Vec<RecordError>,
}

impl Pass<'_> {
    /// Decodes records up to the one that ends at `until`, or until the batch is full. The object is left with
    /// `ordinals.len()` rows.
    fn fill(
        &mut self,
        records: &mut Records<'_>,
        object: &mut Object,
        ordinals: &mut Vec<u64>,
        until: Option<usize>,
    ) {
        let begin = records.pos();
        for record in records.by_ref() {
            let row = ordinals.len();
            match self.append(record, object, row) {
                Ok(()) => ordinals.push(self.section.offset + record.start as u64),
                Err(fault) => {
                    object.truncate(row);
                    self.refuse(record, *fault);
                }
            }
            if ordinals.len() == SAMPLE_ROWS && row < SAMPLE_ROWS {
                let bytes = self.section.data.len().min(begin + BATCH_BYTES) - begin;
                let rows = bytes / ((record.end - begin) / SAMPLE_ROWS).max(1);
                object.reserve(SAMPLE_ROWS, rows + rows / 16);
                ordinals.reserve(rows.saturating_sub(SAMPLE_ROWS));
            }
            let full = match until {
                Some(end) => record.end + 1 >= end,
                None => record.end - begin >= BATCH_BYTES || object.is_sparse(ordinals.len()),
            };
            if full {
                return;
            }
        }
    }

    fn append(&self, record: Record, object: &mut Object, row: usize) -> Fallible<()> {
        let bytes = self.section.data.get(record.start..record.end).unwrap_or_default();
        if bytes.len() > RECORD_BYTES {
            return Err(Fault::new("json_too_large", 0, "the record is larger than 1 GiB"));
        }
        if !self.valid_utf8
            && let Err(error) = std::str::from_utf8(bytes)
        {
            return Err(Fault::new("json_utf8", error.valid_up_to(), "the record is not UTF-8")
                .with_help("convert the file to UTF-8"));
        }
        let mut cursor = Cursor::new(bytes);
        if cursor.peek() != Some(b'{') {
            cursor.skip_value()?;
            return Err(Fault::new("json_not_object", 0, "the record is not a JSON object")
                .with_help("every record is an object such as {\"id\": 1}"));
        }
        object.append(&mut cursor, row, self.options.nested)?;
        match cursor.next_token() {
            None => Ok(()),
            Some(_) => Err(cursor.unexpected("the end of the record")),
        }
    }

    #[cold]
    fn refuse(&mut self, record: Record, fault: Fault) {
        let ordinal = self.section.offset + record.start as u64;
        let (line, column) = self.places.locate(record.start + fault.at);
        let origin = self.section.origin.to_owned();
        let location = SourceLocation { origin, line: Some(line), column: Some(column) };
        let bytes = self.section.data.get(record.start..record.end).unwrap_or_default();
        let value = text_to_value(bytes);
        self.errors.push(fault.into_error(ordinal, location, value));
    }
}

impl Decoder for JsonDecoder {
    fn decode(&self, section: Section<'_>) -> Result<(Vec<Batch>, Vec<RecordError>), FormatError> {
        let mut pass = Pass {
            section,
            valid_utf8: simdutf8::basic::from_utf8(section.data).is_ok(),
            options: self.options,
            places: Places::new(section.data, section.line),
            errors: Vec::new(),
        };
        let mut batches = Vec::new();
        let mut records = Records::new(section.data, self.options.framing, section.offset == 0);
        while records.pos() < section.data.len() {
            let begin = records.clone();
            let refused = pass.errors.len();
            let mut object = self.empty()?;
            let mut ordinals = Vec::new();
            pass.fill(&mut records, &mut object, &mut ordinals, None);
            if object.conflicts() {
                // Every column that could not hold some value is JSON-typed now and holds any, so over the same
                // records the second pass has no conflict.
                let end = records.pos();
                object.restart();
                ordinals.clear();
                pass.errors.truncate(refused);
                records = begin;
                pass.fill(&mut records, &mut object, &mut ordinals, Some(end));
            }
            if !ordinals.is_empty() {
                batches.push(self.batch(object, ordinals)?);
            }
        }
        Ok((batches, pass.errors))
    }
}

use std::path::Path;

use arrow::array::Array;
use arrow::datatypes::{DataType, Schema};
use etl_formats::csv::{self, CsvDecoder};
use etl_formats::json::{self, JsonOptions};
use etl_formats::{Decoder, FormatError, Section};

use super::framing::{Opening, TextKind};
use super::input::Input;
use super::settings::Settings;
use crate::error::FileError;
use crate::format::Format;

/// Rows of a CSV sample that are looked at.
const MAX_ROWS: usize = 10_000;
/// A record larger than this is not looked for in a sample.
const MAX_SAMPLE: usize = 64 << 20;

/// What the beginning of a text file tells about its columns.
pub struct Sample {
    /// Columns in the file's order, with the types that its first records suggest.
    pub schema: Schema,
    /// Whether a column's values say something about its type.
    pub evident: Vec<bool>,
}

impl Sample {
    /// Looks at the first `bytes` decompressed bytes of a file, always the same ones for the same beginning.
    pub fn take(path: &Path, settings: &Settings, format: Format, bytes: usize) -> Result<Self, FileError> {
        let mut input = Input::open(path, settings.compression(path))?;
        let mut opening = Opening::read(&mut input, settings, format, bytes)?;
        let lines = memchr::memchr_iter(b'\n', opening.bytes.get(..opening.first_record).unwrap_or_default())
            .count() as u64;
        let length = loop {
            let records = opening.bytes.get(opening.first_record..).unwrap_or_default();
            let at_end = input.at_end();
            let split = opening.kind.splitter(false).split(records, at_end).map_err(|error| match error {
                FormatError::Truncated { line, what } => {
                    FileError::format(path)(FormatError::Truncated { line: line + lines, what })
                }
                other => FileError::format(path)(other),
            })?;
            if split > 0 || at_end || records.len() > MAX_SAMPLE {
                break split;
            }
            let wanted = opening.bytes.len() * 2;
            input.fill(&mut opening.bytes, wanted)?;
        };
        let origin = path.to_string_lossy();
        let section = Section {
            data: opening.bytes.get(opening.first_record..opening.first_record + length).unwrap_or_default(),
            offset: opening.first_record as u64,
            line: lines + 1,
            origin: &origin,
        };
        Self::of_records(section, &opening.kind, settings).map_err(FileError::format(path))
    }

    fn of_records(section: Section<'_>, kind: &TextKind, settings: &Settings) -> Result<Self, FormatError> {
        match kind {
            TextKind::Csv { dialect, names } => {
                let schema = csv::infer(section, dialect, names, MAX_ROWS);
                // Text is what the inference says of a column without values; only those need a second look.
                let (batches, _) =
                    CsvDecoder::new(schema.clone().into(), dialect.clone())?.decode(section)?;
                let has_values = |column: usize| {
                    batches.iter().any(|batch| {
                        let values = batch.records().column(column);
                        values.null_count() < values.len()
                    })
                };
                let evident = (0..names.len()).map(has_values).collect();
                Ok(Self { schema, evident })
            }
            TextKind::Json(framing) => {
                let schema =
                    json::infer(section, JsonOptions { framing: *framing, nested: settings.nested })?;
                let evident = schema.fields().iter().map(|field| !etl_model::is_json(field)).collect();
                Ok(Self { schema, evident })
            }
        }
    }
}

/// The type that holds the values of both without loss; `None` where only text does.
pub fn wider(left: &DataType, right: &DataType) -> Option<DataType> {
    match (left, right) {
        (left, right) if left == right => Some(left.clone()),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            Some(DataType::Float64)
        }
        _ => None,
    }
}

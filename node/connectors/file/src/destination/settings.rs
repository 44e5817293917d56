use std::sync::Arc;

use etl_formats::csv::{CsvEncoder, CsvOptions, Dialect};
use etl_formats::json::{ArrayEncoder, LinesEncoder, Nulls};
use etl_formats::{Compression, TextEncoder};
use etl_sdk::{Encoder, FieldError};

use super::config::{FileDestinationConfig, Mode};
use super::encoder::{ColumnsEncoder, RowsEncoder};
use super::frame::{Frame, separator};
use super::layout::{Layout, Target};
use crate::format::{Format, is_tsv};

const MEBIBYTE: u64 = 1 << 20;

/// A validated destination.
pub struct Settings {
    /// Where everything lies.
    pub layout: Layout,
    /// What becomes of earlier content.
    pub mode: Mode,
    /// What stands around the rows.
    pub frame: Frame,
    /// Extension of part files, without a leading dot.
    pub extension: String,
    /// Encoded bytes that make a unit.
    pub unit_bytes: u64,
    /// Turns rows into text or leaves them columns.
    pub encoder: Arc<dyn Encoder>,
}

impl Settings {
    /// Validates a configuration; all faults at once.
    pub fn new(config: &FileDestinationConfig) -> Result<Self, Vec<FieldError>> {
        let mut errors = config.faults();
        let (path, is_directory) = config.target();
        let mut csv = config.csv.clone().unwrap_or_default();
        if is_tsv(&path) && csv.delimiter == CsvOptions::default().delimiter {
            csv.delimiter = "tab".to_owned();
        }
        let dialect = Dialect::new(&csv).map_err(|faults| {
            errors.extend(faults.into_iter().map(|mut fault| {
                fault.path.insert(0, "csv".into());
                fault
            }));
        });
        let (Ok(dialect), Some(format), true) = (dialect, config.resolved_format(), errors.is_empty()) else {
            return Err(errors);
        };
        let compression =
            if format == Format::Parquet { Compression::None } else { config.compression.resolve(&path) };
        let nulls: Nulls = config.json.clone().unwrap_or_default().nulls.into();
        let rows = |encoder: Box<dyn TextEncoder>| {
            Arc::new(RowsEncoder::new(encoder, compression, separator(format)))
        };
        let encoder: Arc<dyn Encoder> = match format {
            Format::Csv => rows(Box::new(CsvEncoder::new(dialect))),
            Format::Jsonl => rows(Box::new(LinesEncoder::new(nulls))),
            Format::Json => rows(Box::new(ArrayEncoder::new(nulls))),
            Format::Parquet => Arc::new(ColumnsEncoder),
        };
        let parquet = config.parquet.unwrap_or_default();
        let frame = Frame::new(format, compression, parquet)
            .map_err(|error| vec![FieldError::new("config", error.to_string())])?;
        let behind = match compression {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
        };
        let in_parts = is_directory || format == Format::Parquet;
        let default_unit = if in_parts { 128 * MEBIBYTE } else { 64 * MEBIBYTE };
        Ok(Self {
            layout: Layout::new(if is_directory { Target::Directory(path) } else { Target::File(path) }),
            mode: config.mode,
            frame,
            extension: format!("{}{behind}", format.extension()),
            unit_bytes: config.unit_size.map_or(default_unit, |size| size.0),
            encoder,
        })
    }

    /// Whether the target is a directory of part files.
    pub fn is_directory(&self) -> bool {
        matches!(self.layout.target(), Target::Directory(_))
    }

    /// Whether every unit is a file that can stand alone.
    pub fn one_unit_per_segment(&self) -> bool {
        self.is_directory() || self.frame.is_columnar()
    }

    /// Whether a unit becomes visible as soon as it is committed.
    pub fn publishes_units(&self) -> bool {
        self.is_directory() && self.mode == Mode::Append
    }
}

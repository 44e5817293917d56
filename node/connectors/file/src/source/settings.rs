use std::path::Path;
use std::time::Duration;

use etl_formats::Compression;
use etl_formats::csv::{ColumnType, CsvOptions, Dialect};
use etl_formats::json::Nested;
use etl_model::Span;
use etl_sdk::FieldError;

use super::config::FileSourceConfig;
use crate::error::FileError;
use crate::format::{CompressionOption, Format, is_tsv};

/// A validated source.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The path or pattern.
    pub path: String,
    /// How often further files are looked for, and for how long one must have been left alone.
    pub watch: Option<Duration>,
    /// What becomes of nested JSON.
    pub nested: Nested,
    format: Option<Format>,
    compression: CompressionOption,
    dialect: Dialect,
    tab_dialect: Option<Dialect>,
    declared: Vec<(String, ColumnType)>,
}

impl Settings {
    /// Validates a configuration; all faults at once.
    pub fn new(config: &FileSourceConfig) -> Result<Self, Vec<FieldError>> {
        let mut errors = config.faults();
        let csv = config.csv.clone().unwrap_or_default();
        let tabs = CsvOptions { delimiter: "tab".to_owned(), ..csv.clone() };
        // The extension .tsv stands for tabs unless a delimiter is given.
        let is_default = csv.delimiter == CsvOptions::default().delimiter;
        let tab_dialect = if is_default { Dialect::new(&tabs).ok() } else { None };
        match Dialect::new(&csv) {
            Ok(dialect) if errors.is_empty() => Ok(Self {
                path: config.path.clone(),
                watch: config.watch.map(|Span(period)| period),
                nested: config.json.clone().unwrap_or_default().nested.into(),
                format: config.resolved_format(),
                compression: config.compression,
                dialect,
                tab_dialect,
                declared: config.schema.iter().map(|(name, of)| (name.clone(), *of)).collect(),
            }),
            Ok(_) => Err(errors),
            Err(faults) => {
                errors.extend(faults.into_iter().map(|mut fault| {
                    fault.path.insert(0, "csv".into());
                    fault
                }));
                Err(errors)
            }
        }
    }

    /// The format of a file.
    pub fn format(&self, path: &Path) -> Result<Format, FileError> {
        self.format.or_else(|| Format::from_path(path)).ok_or_else(|| {
            FileError::user(
                "file_format",
                format!("the format of {} is not clear from its name", path.display()),
                "set `format` to csv, json, jsonl or parquet, or make the pattern match fewer files",
            )
        })
    }

    /// The compression of a file.
    pub fn compression(&self, path: &Path) -> Compression {
        self.compression.resolve(path)
    }

    /// The CSV dialect of a file.
    pub fn dialect(&self, path: &Path) -> &Dialect {
        self.tab_dialect.as_ref().filter(|_| is_tsv(path)).unwrap_or(&self.dialect)
    }

    /// The columns whose types the user gave.
    pub fn declared(&self) -> impl Iterator<Item = (&str, ColumnType)> {
        self.declared.iter().map(|(name, of)| (name.as_str(), *of))
    }

    /// Their names.
    pub fn declared_names(&self) -> impl Iterator<Item = &str> {
        self.declared.iter().map(|(name, _)| name.as_str())
    }
}

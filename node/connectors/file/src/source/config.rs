use std::collections::BTreeMap;
use std::path::Path;

use etl_formats::csv::{ColumnType, CsvOptions};
use etl_formats::json::Nested;
use etl_model::Span;
use etl_sdk::FieldError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::{CompressionOption, Format};

/// Reads records from one file or from all files that a pattern matches.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSourceConfig {
    /// A file, or a pattern such as `data/orders-*.csv` (`*`, `?`, `[a-z]`, and `**` for any number of directories).
    /// A relative path starts in the directory the command runs in. Files are read in the order of their paths.
    pub path: String,
    /// The format. By default the extension decides: .csv, .tsv, .json, .jsonl, .ndjson, .parquet, also with .gz or
    /// .zst behind.
    #[serde(default)]
    pub format: Option<Format>,
    /// The compression of text formats.
    #[serde(default)]
    pub compression: CompressionOption,
    /// How the CSV is written.
    #[serde(default)]
    pub csv: Option<CsvOptions>,
    /// How JSON is read.
    #[serde(default)]
    pub json: Option<JsonInputOptions>,
    /// Types of columns that are not to be guessed: `string`, `int`, `float`, `boolean`, `date`, `timestamp`,
    /// `decimal(precision,scale)` or `json`. The others are inferred from the beginning of the files.
    #[serde(default)]
    pub schema: BTreeMap<String, ColumnType>,
    /// How often to look for further files, for example `10s`: the run then takes up the files that come and goes on until
    /// it is stopped. A file is taken up once it has not been written to for as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    pub watch: Option<Span>,
}

/// How JSON is read.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonInputOptions {
    /// What becomes of objects and arrays inside a record.
    #[serde(default)]
    pub nested: NestedOption,
}

/// What becomes of objects and arrays inside a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NestedOption {
    /// Columns with fields of their own: conditions and mappings may look inside.
    #[default]
    Columns,
    /// Kept as the JSON text in the file: fastest where no step looks inside.
    Json,
}

impl From<NestedOption> for Nested {
    fn from(option: NestedOption) -> Self {
        match option {
            NestedOption::Columns => Self::Columns,
            NestedOption::Json => Self::Json,
        }
    }
}

impl FileSourceConfig {
    /// The format as far as the configuration tells it; `None` when each file's extension decides.
    pub fn resolved_format(&self) -> Option<Format> {
        self.format.or_else(|| Format::from_path(Path::new(&self.path)))
    }

    /// All faults that can be seen without touching the disk, except those of the CSV options.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut add = |error: FieldError, field: &'static str, help: &str| {
            errors.push(error.at(field).with_help(help));
        };
        if self.path.is_empty() || self.path.contains('\0') {
            let error = FieldError::new("file_path", "the path is empty or not valid");
            add(error, "path", "write for example `path: data/orders-*.csv`");
        } else if self.path.ends_with('/') {
            let error = FieldError::new("file_path", format!("`{}` is a directory", self.path));
            add(error, "path", &format!("name the files in it, for example `{}*.csv`", self.path));
        } else if let Err(error) = glob::Pattern::new(&self.path) {
            let error =
                FieldError::new("file_path", format!("`{}` is not a pattern: {}", self.path, error.msg))
                    .at_offset(error.pos);
            add(error, "path", "put a `[` that belongs to a name into brackets: `[[]`");
        }
        if let Some(Span(period)) = self.watch {
            if period.is_zero() {
                let error = FieldError::new("file_watch", "0 is no time to wait");
                add(error, "watch", "write for example `watch: 10s`");
            }
            if !self.path.contains(['*', '?', '[']) {
                let error = FieldError::new("file_watch", format!("`{}` is one file", self.path));
                add(error, "watch", "give a pattern that the files to come match, or remove `watch`");
            }
        }
        let format = self.resolved_format();
        let by_file =
            Path::new(&self.path).extension().is_none_or(|e| e.to_string_lossy().contains(['*', '?', '[']));
        if format.is_none() && !self.path.is_empty() && !by_file {
            let message = format!("the format of `{}` is not clear from its name", self.path);
            add(
                FieldError::new("file_format", message),
                "format",
                "set `format` to csv, json, jsonl or parquet",
            );
        }
        if format == Some(Format::Parquet) {
            if !matches!(self.compression, CompressionOption::Auto | CompressionOption::None) {
                let error = FieldError::new(
                    "file_compression",
                    "Parquet files are compressed inside, not as a whole",
                );
                add(error, "compression", "remove it");
            }
            if !self.schema.is_empty() {
                let error = FieldError::new("file_schema", "the types of Parquet columns stand in the file");
                add(error, "schema", "remove it; convert columns with a `mapping` step");
            }
        }
        if self.csv.is_some() && format.is_some_and(|format| format != Format::Csv) {
            add(FieldError::new("file_options", "`csv` has no meaning for this format"), "csv", "remove it");
        }
        if self.json.is_some() && format.is_some_and(|format| !matches!(format, Format::Json | Format::Jsonl))
        {
            add(
                FieldError::new("file_options", "`json` has no meaning for this format"),
                "json",
                "remove it",
            );
        }
        errors
    }
}

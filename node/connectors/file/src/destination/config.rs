use std::path::{Path, PathBuf};

use etl_formats::csv::CsvOptions;
use etl_formats::json::Nulls;
use etl_formats::parquet::ParquetOptions;
use etl_model::ByteSize;
use etl_sdk::FieldError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::{CompressionOption, Format};

/// Writes records to a file or a directory of part files.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDestinationConfig {
    /// The file to write, or a directory of part files when it ends with `/`. A relative path starts in the directory
    /// the command runs in.
    pub path: String,
    /// The format. By default the extension decides: .csv, .tsv, .json, .jsonl, .ndjson, .parquet, also with .gz or
    /// .zst behind. A directory needs it.
    #[serde(default)]
    pub format: Option<Format>,
    /// The compression of text formats.
    #[serde(default)]
    pub compression: CompressionOption,
    /// What becomes of content that is there already.
    #[serde(default)]
    pub mode: Mode,
    /// How CSV is written.
    #[serde(default)]
    pub csv: Option<CsvOptions>,
    /// How JSON is written.
    #[serde(default)]
    pub json: Option<JsonOutputOptions>,
    /// How Parquet is written.
    #[serde(default)]
    pub parquet: Option<ParquetOptions>,
    /// Rows to collect before they are committed together, in encoded bytes: with a directory or Parquet the size of
    /// a part. 128MiB for these by default, else 64MiB.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "byte-size"))]
    pub unit_size: Option<ByteSize>,
}

/// What becomes of content that is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It stays. A single file must not exist yet; a directory gets further part files.
    #[default]
    Append,
    /// It stays visible until the new content is complete, and is replaced then.
    Replace,
}

/// How JSON is written.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonOutputOptions {
    /// How null fields are written.
    #[serde(default)]
    pub nulls: NullOption,
}

/// How null fields are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NullOption {
    /// As `"field":null`.
    #[default]
    Explicit,
    /// Not at all.
    Omit,
}

impl From<NullOption> for Nulls {
    fn from(option: NullOption) -> Self {
        match option {
            NullOption::Explicit => Self::Explicit,
            NullOption::Omit => Self::Omit,
        }
    }
}

impl FileDestinationConfig {
    /// The target as a path, and whether it is a directory of parts.
    pub fn target(&self) -> (PathBuf, bool) {
        (PathBuf::from(&self.path), self.path.ends_with('/'))
    }

    /// The format, given or by extension.
    pub fn resolved_format(&self) -> Option<Format> {
        self.format.or_else(|| Format::from_path(Path::new(&self.path)))
    }

    /// All faults that can be seen without touching the disk, except those of the CSV options.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let (path, is_directory) = self.target();
        if self.path.is_empty() || self.path.contains('\0') {
            let help = "write for example `path: out/orders.jsonl`";
            errors.push(
                FieldError::new("file_path", "the path is empty or not valid").at("path").with_help(help),
            );
        } else if !is_directory && path.file_name().is_none() {
            let message = format!("`{}` does not name a file", self.path);
            let help = "name a file, or end the path with `/` to write part files into the directory";
            errors.push(FieldError::new("file_path", message).at("path").with_help(help));
        } else if self.path.contains(['*', '?']) {
            let message = format!("`{}` is a pattern; a destination writes one path", self.path);
            let help = "name one file, or end the path with `/` to write part files into a directory";
            errors.push(FieldError::new("file_path", message).at("path").with_help(help));
        }
        let format = self.resolved_format();
        if format.is_none() && !self.path.is_empty() {
            let message = format!("the format of `{}` is not clear from its name", self.path);
            let help = "set `format` to csv, json, jsonl or parquet";
            errors.push(FieldError::new("file_format", message).at("format").with_help(help));
        }
        let compressed = !matches!(self.compression, CompressionOption::Auto | CompressionOption::None);
        if format == Some(Format::Parquet) && compressed {
            errors.push(
                FieldError::new("file_compression", "Parquet compresses its own pages")
                    .at("compression")
                    .with_help("set `parquet: { compression: zstd }` instead"),
            );
        }
        let given = [
            ("csv", self.csv.is_some(), format == Some(Format::Csv)),
            ("json", self.json.is_some(), matches!(format, Some(Format::Json | Format::Jsonl))),
            ("parquet", self.parquet.is_some(), format == Some(Format::Parquet)),
        ];
        for (name, is_given, fits) in given {
            if is_given && !fits && format.is_some() {
                let message = format!("`{name}` has no meaning for this format");
                errors.push(FieldError::new("file_options", message).at(name).with_help("remove it"));
            }
        }
        if self.csv.as_ref().is_some_and(|csv| csv.columns.is_some()) {
            errors.push(
                FieldError::new("file_options", "the columns of a destination are those of the records")
                    .at("csv")
                    .at("columns")
                    .with_help("choose and name columns with a `mapping` step"),
            );
        }
        for mut fault in self.parquet.iter().flat_map(ParquetOptions::faults) {
            fault.path.insert(0, "parquet".into());
            errors.push(fault);
        }
        if self.unit_size.is_some_and(|size| size.0 == 0) {
            let message = "a unit of no bytes can never be filled";
            errors.push(FieldError::new("file_unit_size", message).at("unit_size").with_help("write 128MiB"));
        }
        errors
    }
}

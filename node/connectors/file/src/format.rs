use std::path::Path;

use etl_formats::Compression;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the records of a file are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Rows of separated fields (RFC 4180).
    Csv,
    /// One JSON array of objects. A source also accepts one object per line and tells the two apart by the first byte.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CompressionOption {
    /// By the extension: `.gz` is gzip, `.zst` is zstd, anything else is not compressed.
    #[default]
    Auto,
    /// Not at all, whatever the extension.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl CompressionOption {
    /// The compression of this file.
    pub fn resolve(self, path: &Path) -> Compression {
        match self {
            Self::Auto => Compression::from_path(path),
            Self::None => Compression::None,
            Self::Gzip => Compression::Gzip,
            Self::Zstd => Compression::Zstd,
        }
    }
}

impl Format {
    /// The format that the extension stands for, looking behind `.gz` and `.zst`. `.tsv` is CSV.
    pub fn from_path(path: &Path) -> Option<Self> {
        match inner_extension(path)?.as_str() {
            "csv" | "tsv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The extension of a new file of this format.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// Whether the extension says that fields are separated by tabs.
pub fn is_tsv(path: &Path) -> bool {
    inner_extension(path).is_some_and(|extension| extension == "tsv")
}

fn inner_extension(path: &Path) -> Option<String> {
    let lower = |path: &Path| Some(path.extension()?.to_str()?.to_ascii_lowercase());
    match lower(path)?.as_str() {
        "gz" | "zst" => lower(Path::new(path.file_stem()?)),
        extension => Some(extension.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_name_the_format() {
        let of = |path: &str| Format::from_path(Path::new(path));
        assert_eq!(of("a.csv"), Some(Format::Csv));
        assert_eq!(of("a.TSV.gz"), Some(Format::Csv));
        assert_eq!(of("data/orders-*.jsonl.zst"), Some(Format::Jsonl));
        assert_eq!(of("a.ndjson"), Some(Format::Jsonl));
        assert_eq!(of("a.json"), Some(Format::Json));
        assert_eq!(of("a.parquet"), Some(Format::Parquet));
        assert_eq!(of("a.gz"), None);
        assert_eq!(of("csv"), None);
        assert!(is_tsv(Path::new("x.tsv.zst")) && !is_tsv(Path::new("x.csv")));
    }

    #[test]
    fn a_given_compression_beats_the_extension() {
        let path = Path::new("a.csv.gz");
        assert_eq!(CompressionOption::Auto.resolve(path), Compression::Gzip);
        assert_eq!(CompressionOption::None.resolve(path), Compression::None);
        assert_eq!(CompressionOption::Zstd.resolve(path), Compression::Zstd);
    }
}

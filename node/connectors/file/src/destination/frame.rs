use super::segment::{compress, member};
use crate::error::FileError;
use crate::format::Format;
use etl_formats::Compression;
use etl_formats::json::{ARRAY_CLOSE, ARRAY_OPEN};
use etl_formats::parquet::ParquetOptions;

/// What stands between two rows and is not part of either.
pub fn separator(format: Format) -> &'static [u8] {
    if format == Format::Json { b"," } else { b"" }
}

/// What stands around the rows of a file: the header or bracket before, separators between, the bracket behind.
#[derive(Debug, Clone)]
pub struct Frame {
    format: Format,
    compression: Compression,
    separator: Vec<u8>,
    closing: Vec<u8>,
    parquet: ParquetOptions,
}

impl Frame {
    /// The frame of a format.
    pub fn new(format: Format, compression: Compression, parquet: ParquetOptions) -> Result<Self, FileError> {
        let closing = if format == Format::Json { ARRAY_CLOSE } else { b"" };
        Ok(Self {
            format,
            compression,
            separator: compress(compression, separator(format).to_vec())?,
            closing: compress(compression, closing.to_vec())?,
            parquet,
        })
    }

    /// Whether the rows are columns of a Parquet file.
    pub fn is_columnar(&self) -> bool {
        self.format == Format::Parquet
    }

    /// How Parquet files are written.
    pub fn parquet(&self) -> &ParquetOptions {
        &self.parquet
    }

    /// Bytes before the first row.
    pub fn opening(&self, header: Option<&str>) -> Result<Vec<u8>, FileError> {
        let opening = match self.format {
            Format::Json => ARRAY_OPEN,
            _ => header.unwrap_or_default().as_bytes(),
        };
        compress(self.compression, opening.to_vec())
    }

    /// A whole file in which nothing stands.
    pub fn blank(&self) -> Result<Vec<u8>, FileError> {
        member(self.compression, &[])
    }

    /// Bytes between two runs of rows.
    pub fn separator(&self) -> &[u8] {
        &self.separator
    }

    /// Bytes behind the last row.
    pub fn closing(&self) -> &[u8] {
        &self.closing
    }
}

use std::io;

use parquet::errors::ParquetError;

use crate::FormatError;

/// Tells failures of the disk from faults of the file.
pub(super) fn failure(error: ParquetError) -> FormatError {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => FormatError::Io(*source),
            Err(source) => invalid(source.to_string()),
        },
        other => invalid(other.to_string()),
    }
}

pub(super) fn invalid(message: impl Into<String>) -> FormatError {
    FormatError::Invalid { format: "parquet", message: message.into() }
}

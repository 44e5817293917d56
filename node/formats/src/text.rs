use std::sync::Arc;

use etl_model::{Batch, RecordError};

use crate::FormatError;

/// A run of whole records as cut by a [`Splitter`].
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// The records' bytes.
    pub data: &'a [u8],
    /// Offset of `data[0]` in the decompressed file.
    pub offset: u64,
    /// Line of `data[0]`, counted from 1 (every `\n` byte of the file counts, also inside quotes).
    pub line: u64,
    /// The file's name, for locations.
    pub origin: &'a str,
}

/// Finds record boundaries in a stream of bytes, in order. One per open file; starts at the first byte of a record
/// (or of the file when the position is the beginning).
pub trait Splitter: Send {
    /// `data` begins where the last call's return value ended (0 = the splitter's start). Returns the length of the
    /// longest prefix that consists of whole records only; 0 when not even one record is complete. With `at_end` the
    /// file has no more bytes: the last record may lack its line end, and a record cut in the middle (an open quote,
    /// an unclosed array) is an error, since a truncated file is not an end.
    ///
    /// May be called again with the same beginning and more bytes behind; implementations remember how far they have
    /// looked, so that a large record is not scanned from its start each time.
    fn split(&mut self, data: &[u8], at_end: bool) -> Result<usize, FormatError>;
}

/// Turns whole records into columns. Pure and deterministic; shared by all threads.
pub trait Decoder: Send + Sync {
    /// Batches in ascending order of ordinals, and the malformed records.
    fn decode(&self, section: Section<'_>) -> Result<(Vec<Batch>, Vec<RecordError>), FormatError>;
}

/// Turns columns into text. Pure; shared by all threads.
pub trait TextEncoder: Send + Sync {
    /// Appends the rows to `out`. Rows that the format cannot represent are returned as errors and leave no trace.
    fn encode(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<Vec<RecordError>, FormatError>;

    /// What precedes the first row of a file with these columns, for example the names in CSV.
    fn header(&self, schema: &arrow::datatypes::Schema) -> Option<Arc<[u8]>>;
}

use std::io::Write;

use arrow::datatypes::SchemaRef;
use etl_model::Batch;
use parquet::arrow::ArrowWriter;

use super::cardinality::nearly_unique;
use super::conform::conform;
use super::failure::failure;
use super::options::ParquetOptions;
use crate::FormatError;

/// Rows handed to the encoder at once, so that the size of a row group is looked at often enough.
const SLICE: usize = 8192;

/// Writes a Parquet file. Memory holds about one row group.
pub struct ParquetWriter<W: Write + Send> {
    inner: ArrowWriter<W>,
    schema: SchemaRef,
    rows: u64,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file with these columns. `sample` is what will be written first, as far as it is known: it decides which
    /// columns get a dictionary.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`] or [`FormatError::Invalid`] for a column that Parquet does not have.
    pub fn new(
        out: W,
        schema: SchemaRef,
        options: &ParquetOptions,
        sample: Option<&Batch>,
    ) -> Result<Self, FormatError> {
        let unique = sample.map(|batch| nearly_unique(batch.records())).unwrap_or_default();
        let properties = options.properties(&unique);
        let inner = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(failure)?;
        Ok(Self { inner, schema, rows: 0 })
    }

    /// Appends rows. Columns are matched by name; a missing one is null, another type is brought to the file's where
    /// no value changes.
    ///
    /// # Errors
    /// [`FormatError::Invalid`] naming the column that does not fit, with nothing written; [`FormatError::Io`] if the
    /// output fails, after which the file is lost.
    pub fn write(&mut self, batch: &Batch) -> Result<(), FormatError> {
        let records = conform(batch.records(), &self.schema)?;
        let mut at = 0;
        while at < records.num_rows() {
            let length = SLICE.min(records.num_rows() - at);
            self.inner.write(&records.slice(at, length)).map_err(failure)?;
            at += length;
        }
        self.rows += records.num_rows() as u64;
        Ok(())
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of finished row groups and of the one in progress, as it is encoded.
    pub fn encoded_bytes(&self) -> usize {
        self.inner.bytes_written() + self.inner.in_progress_size()
    }

    /// Bytes that the row group in progress holds in memory.
    pub fn memory(&self) -> usize {
        self.inner.memory_size()
    }

    /// Ends the file; gives back the output and the number of rows.
    ///
    /// # Errors
    /// [`FormatError::Io`] if the output fails.
    pub fn finish(self) -> Result<(W, u64), FormatError> {
        Ok((self.inner.into_inner().map_err(failure)?, self.rows))
    }
}

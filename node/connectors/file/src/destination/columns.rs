use std::fs::File;
use std::io::{self, BufWriter, Seek};
use std::path::{Path, PathBuf};

use arrow::datatypes::{Schema, SchemaRef};
use etl_formats::parquet::{ParquetOptions, ParquetReader, ParquetWriter, concatenate};
use etl_model::Batch;

use crate::error::FileError;

/// A Parquet file in staging.
pub struct ColumnSegment {
    path: PathBuf,
    writer: Option<ParquetWriter<BufWriter<File>>>,
    /// The file, once it is finished.
    finished: Option<File>,
}

impl ColumnSegment {
    /// Begins a file with these columns, of which `first` will be written first.
    pub fn new(
        path: &Path,
        file: File,
        schema: SchemaRef,
        options: &ParquetOptions,
        first: &Batch,
    ) -> Result<Self, FileError> {
        let writer = ParquetWriter::new(BufWriter::new(file), schema, options, Some(first))
            .map_err(FileError::format(path))?;
        Ok(Self { path: path.to_owned(), writer: Some(writer), finished: None })
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &Batch) -> Result<(), FileError> {
        match &mut self.writer {
            Some(writer) => writer.write(batch).map_err(FileError::format(&self.path)),
            None => Err(FileError::Internal("rows for a finished Parquet file".to_owned())),
        }
    }

    /// Ends the file and returns its length.
    pub fn finish(&mut self) -> Result<u64, FileError> {
        let Some(writer) = self.writer.take() else {
            return Err(FileError::Internal("a Parquet file was finished twice".to_owned()));
        };
        let (buffered, _) = writer.finish().map_err(FileError::format(&self.path))?;
        let mut file =
            buffered.into_inner().map_err(|error| FileError::io("write", &self.path)(error.into_error()))?;
        let length = file.stream_position().map_err(FileError::io("write", &self.path))?;
        self.finished = Some(file);
        Ok(length)
    }

    /// The finished file.
    pub fn file(&self) -> io::Result<&File> {
        self.finished.as_ref().ok_or_else(|| io::Error::other("the Parquet file is not finished"))
    }
}

/// The columns of a finished file.
pub fn schema_of(path: &Path) -> Result<SchemaRef, FileError> {
    let file = File::open(path).map_err(FileError::io("read", path))?;
    let reader = ParquetReader::open(file, 0, 1, 1).map_err(FileError::format(path))?;
    Ok(SchemaRef::clone(reader.schema()))
}

/// Joins finished files; without any, the result has neither rows nor columns.
pub fn join(files: &[File], out: File, path: &Path) -> Result<File, FileError> {
    if files.is_empty() {
        let empty = ParquetWriter::new(out, Schema::empty().into(), &ParquetOptions::default(), None)
            .and_then(ParquetWriter::finish);
        return empty.map(|(out, _)| out).map_err(FileError::format(path));
    }
    let (out, _) = concatenate(files, BufWriter::new(out)).map_err(FileError::format(path))?;
    out.into_inner().map_err(|error| FileError::io("write", path)(error.into_error()))
}

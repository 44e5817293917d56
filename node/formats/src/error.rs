/// A fault of a whole file or of the request, not of a single record.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The file ends inside a record.
    #[error("line {line}: the file ends inside a record that began here ({what})")]
    Truncated {
        /// Line at which the unfinished record began, counted from 1 at the splitter's start.
        line: u64,
        /// Such as `a quoted field is still open`.
        what: &'static str,
    },
    /// The file is not of this format at all.
    #[error("not a valid {format} file: {message}")]
    Invalid {
        /// Such as `parquet`.
        format: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The columns cannot be written in this format.
    #[error("column `{column}` of type {data_type} cannot be written as {format}")]
    Unsupported {
        /// Such as `csv`.
        format: &'static str,
        /// The column.
        column: String,
        /// Its Arrow type.
        data_type: String,
    },
    /// An Arrow kernel refused; a defect unless its message says otherwise.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// Rows and ordinals differ; a defect.
    #[error(transparent)]
    Batch(#[from] etl_model::BatchError),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

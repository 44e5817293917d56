use arrow::datatypes::DataType;

/// A batch that is not of the schema for which the encoding was made: a defect of the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Another number of columns.
    #[error("a batch of {found} columns where {expected} are encoded")]
    Columns {
        /// Columns of the encoding.
        expected: usize,
        /// Columns of the batch.
        found: usize,
    },
    /// A column of another type.
    #[error("column {index} (`{name}`) has type {found} where {expected} is encoded")]
    Column {
        /// Its index.
        index: usize,
        /// Its name in the encoding.
        name: String,
        /// Its type in the encoding.
        expected: DataType,
        /// Its type in the batch.
        found: DataType,
    },
    /// A column of JSON documents where there was plain text, or the other way round.
    #[error("column {index} (`{name}`) is not JSON where JSON is encoded, or the other way round")]
    Json {
        /// Its index.
        index: usize,
        /// Its name in the encoding.
        name: String,
    },
}

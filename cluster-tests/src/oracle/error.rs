use std::path::PathBuf;

/// Why the oracle could not give a verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the test itself.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A process could not be started or watched.
    #[error("process: {0}")]
    Process(#[from] std::io::Error),
    /// A signal could not be sent.
    #[error("signal: {0}")]
    Signal(#[from] rustix::io::Errno),
    /// A database that the oracle writes or reads itself.
    #[error("sqlite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A Parquet file that the oracle writes or reads itself.
    #[error("parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A server that the oracle starts and asks itself.
    #[error("service: {0}")]
    Service(#[from] etl_test_services::ServiceError),
    /// Columns that the oracle writes or reads itself.
    #[error("arrow: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// JSON that cannot be read.
    #[error("{context}: {source}")]
    Json {
        /// What it was.
        context: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A process did something that no fault explains.
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    /// For `map_err` on file operations.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// For `map_err` on JSON.
    pub fn json(context: impl Into<String>) -> impl FnOnce(serde_json::Error) -> Self {
        let context = context.into();
        move |source| Self::Json { context, source }
    }
}

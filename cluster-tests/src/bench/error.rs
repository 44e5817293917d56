use std::io;
use std::path::{Path, PathBuf};

use etl_test_services::ServiceError;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file or process could not be used.
    #[error("{subject}: {source}")]
    Io {
        /// What was used.
        subject: String,
        /// What the system said.
        source: io::Error,
    },
    /// A process did not end well.
    #[error("{command} ended with {status}\n{stderr}")]
    Process {
        /// What was run.
        command: String,
        /// How it ended.
        status: String,
        /// What it said.
        stderr: String,
    },
    /// An output does not hold what it must.
    #[error("{path}: {message}")]
    Wrong {
        /// The output.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A SQLite output cannot be read.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A transformation cannot be measured.
    #[error("{name}: {message}")]
    Transformation {
        /// What was to be measured.
        name: &'static str,
        /// Why not.
        message: String,
    },
    /// A private server is missing or does not do what it must.
    #[error("{0}")]
    Service(#[from] ServiceError),
    /// A Parquet output cannot be read.
    #[error("{0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Parquet output cannot be read.
    #[error("{0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// JSON that cannot be read or written.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

impl BenchError {
    /// With what was used.
    pub fn io(subject: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let subject = subject.into();
        move |source| Self::Io { subject, source }
    }

    /// With the path that was used.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(path.display().to_string())
    }

    /// A transformation that cannot be measured.
    pub fn transformation(name: &'static str, message: String) -> Self {
        Self::Transformation { name, message }
    }

    /// An output that does not hold what it must.
    pub fn wrong(path: &Path, message: impl Into<String>) -> Self {
        Self::Wrong { path: path.to_path_buf(), message: message.into() }
    }
}

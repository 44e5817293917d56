use std::io;
use std::path::PathBuf;

/// Why a group could not be brought where a test wants it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{command}: {problem}")]
    Command { command: String, problem: String },
    #[error("process: {0}")]
    Process(#[from] io::Error),
    #[error("signal: {0}")]
    Signal(#[from] rustix::io::Errno),
    #[error(transparent)]
    Service(#[from] etl_test_services::ServiceError),
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    /// For `map_err` on file operations.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

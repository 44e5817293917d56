use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Why a server cannot be had or did not do what it was told.
///
/// Its debug form is its message, so that an `unwrap` in a test shows it as people read it.
#[derive(thiserror::Error)]
pub enum ServiceError {
    /// Programs that are not installed.
    #[error("{program} is not installed on this machine; {help}")]
    Missing {
        /// What was looked for.
        program: String,
        /// How to install it or where to name it.
        help: String,
    },
    /// A file, process or socket could not be used.
    #[error("{subject}: {source}")]
    Io {
        /// What was used.
        subject: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program did not end well.
    #[error("{command} ended with {status}: {stderr}")]
    Failed {
        /// What was run.
        command: String,
        /// How it ended.
        status: String,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// A server ended although it should have gone on.
    #[error("{server} ended with {status}; its log:\n{log}")]
    Ended {
        /// Which one.
        server: &'static str,
        /// How it ended.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// Something did not happen in time.
    #[error("{what} took longer than {limit:?}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
    },
    /// Something that cannot be done in this state or on this machine.
    #[error("{0}")]
    Refused(String),
}

impl ServiceError {
    /// With what was used.
    pub(crate) fn io(subject: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let subject = subject.into();
        move |source| Self::Io { subject, source }
    }

    /// With the path that was used.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(path.display().to_string())
    }
}

impl fmt::Debug for ServiceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

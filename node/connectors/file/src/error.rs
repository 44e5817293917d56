use std::io;
use std::path::{Path, PathBuf};

use etl_formats::FormatError;
use etl_sdk::ConnectorError;

/// What can go wrong with a file. Turned into [`ConnectorError`] at the edge of the crate.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// Such as `open`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's own words.
        error: io::Error,
    },
    /// A format found fault with a whole file.
    #[error("{}: {error}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: FormatError,
    },
    /// A fault with its remedy, in words for the user.
    #[error("{message}")]
    User {
        /// Stable code, snake case.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
    /// A later owner holds the route.
    #[error("{place}: epoch {found} of run {run} has taken over, this one holds epoch {held}")]
    Fenced {
        /// The file and route.
        place: String,
        /// The epoch found.
        found: u64,
        /// The epoch held.
        held: u64,
        /// The run found.
        run: String,
    },
    /// Another writer of the same epoch has committed; reading the marker tells what.
    #[error("{place}: another writer of this run has committed in between")]
    Raced {
        /// The file and route.
        place: String,
    },
    /// Staging does not hold what its manifests say.
    #[error("{}: {message}", path.display())]
    Damaged {
        /// The folder or file.
        path: PathBuf,
        /// What is missing.
        message: String,
    },
    /// A defect of this program.
    #[error("{0}")]
    Internal(String),
}

impl FileError {
    /// Says what was tried on which path.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { action, path, error }
    }

    /// Says which file a format error is about.
    pub fn format(path: &Path) -> impl FnOnce(FormatError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            FormatError::Io(error) => Self::read_failure(path, error),
            error => Self::Format { path, error },
        }
    }

    /// A failed read: a decompressor reports damaged data as an IO error, which is the file's fault, not the disk's.
    pub fn read_failure(path: PathBuf, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Self::User {
                    code: "damaged_file",
                    message: format!("{}: {error}", path.display()),
                    help: "the file is cut off or damaged; fetch it again and compare its size with the original"
                        .to_owned(),
                }
            }
            _ if error.raw_os_error().is_none() => Self::User {
                code: "damaged_file",
                message: format!("{}: cannot be decompressed: {error}", path.display()),
                help: "the file is damaged or compressed in another way; set `compression` or fetch it again"
                    .to_owned(),
            },
            _ => Self::Io { action: "read", path, error },
        }
    }

    /// A fault that the user can mend.
    pub fn user(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::User { code, message: message.into(), help: help.into() }
    }
}

impl From<FileError> for ConnectorError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io { action, path, error } => io_error(action, &path, error),
            FileError::Format { path, error } => format_error(&path, error),
            FileError::User { code, message, help } => Self::user(code, message, help),
            FileError::Fenced { place, found, held, run } => Self::Fenced { place, found, held, run },
            FileError::Raced { .. } => Self::transient("commit_raced", error.to_string()),
            FileError::Damaged { .. } => Self::external("staging_damaged", error.to_string()),
            FileError::Internal(message) => Self::internal(message),
        }
    }
}

fn io_error(action: &'static str, path: &Path, error: io::Error) -> ConnectorError {
    use io::ErrorKind as Kind;
    let shown = path.display();
    match error.kind() {
        Kind::NotFound => ConnectorError::user(
            "not_found",
            format!("cannot {action} {shown}: there is no such file or directory"),
            "check the spelling; a relative path starts in the directory the command runs in",
        ),
        Kind::PermissionDenied => ConnectorError::user(
            "permission_denied",
            format!("cannot {action} {shown}: permission denied"),
            "give the user that runs the workflow access to it, for example with chmod",
        ),
        Kind::ReadOnlyFilesystem => ConnectorError::user(
            "read_only",
            format!("cannot {action} {shown}: its file system is read-only"),
            "choose a path on a writable file system",
        ),
        Kind::IsADirectory => ConnectorError::user(
            "is_a_directory",
            format!("cannot {action} {shown}: it is a directory"),
            "name a file",
        ),
        Kind::NotADirectory => ConnectorError::user(
            "not_a_directory",
            format!("cannot {action} {shown}: a part of the path is not a directory"),
            "check the path",
        ),
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => ConnectorError::external(
            "disk_full",
            format!(
                "cannot {action} {shown}: no space left ({error}); free some space and run the workflow again"
            ),
        ),
        Kind::TimedOut | Kind::StaleNetworkFileHandle | Kind::WouldBlock | Kind::ResourceBusy => {
            ConnectorError::transient("io_error", format!("cannot {action} {shown}: {error}"))
        }
        _ => ConnectorError::external("io_error", format!("cannot {action} {shown}: {error}")),
    }
}

fn format_error(path: &Path, error: FormatError) -> ConnectorError {
    let shown = path.display();
    match error {
        FormatError::Truncated { line, what } => ConnectorError::user(
            "truncated",
            format!("{shown}, line {line}: the file ends inside a record that began here ({what})"),
            "the file is cut off or a quote is not closed; restore the rest of it or mend that line",
        ),
        FormatError::Invalid { .. } => ConnectorError::user(
            "invalid_file",
            format!("{shown}: {error}"),
            "check that the file is complete and that `format` and its options fit it",
        ),
        FormatError::Unsupported { .. } => ConnectorError::user(
            "unsupported_column",
            format!("{shown}: {error}"),
            "convert or drop the column with a mapping, or choose another format",
        ),
        FormatError::Io(error) => io_error("read or write", path, error),
        FormatError::Arrow(_) | FormatError::Batch(_) => {
            ConnectorError::internal(format!("{shown}: {error}"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_model::{Fault, Retry};

    use super::*;

    fn of(kind: io::ErrorKind) -> ConnectorError {
        FileError::io("write", Path::new("out/a.csv"))(kind.into()).into()
    }

    #[test]
    fn a_full_disk_is_named_and_not_retried() {
        let error: ConnectorError = FileError::Io {
            action: "write",
            path: "out/a.csv".into(),
            error: io::Error::from_raw_os_error(28),
        }
        .into();
        assert_eq!(
            (error.code(), error.fault(), error.retry()),
            ("disk_full", Fault::External, Retry::Never)
        );
        assert!(error.to_string().starts_with("cannot write out/a.csv: no space left"), "{error}");
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(of(io::ErrorKind::ReadOnlyFilesystem).code(), "read_only");
        assert_eq!(of(io::ErrorKind::PermissionDenied).fault(), Fault::User);
        assert_eq!(of(io::ErrorKind::TimedOut).retry(), Retry::Backoff);
        let disk = FileError::read_failure("a".into(), io::Error::from_raw_os_error(5));
        assert_eq!(ConnectorError::from(disk).retry(), Retry::Never);
        let cut = FileError::read_failure("a".into(), io::ErrorKind::UnexpectedEof.into());
        assert_eq!(ConnectorError::from(cut).code(), "damaged_file");
    }
}

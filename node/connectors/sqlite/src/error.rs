use etl_model::RunId;
use etl_sdk::ConnectorError;
use rusqlite::ErrorCode;

/// What goes wrong with a SQLite database, apart from single rows.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// SQLite itself refused.
    #[error("{place}: {source}")]
    Sqlite {
        /// The database and what was done with it.
        place: String,
        /// SQLite's own words.
        source: rusqlite::Error,
    },
    /// Another connection kept the database locked.
    #[error("{place}: the database stayed locked for {seconds} s")]
    Locked {
        /// The database.
        place: String,
        /// How long was waited.
        seconds: u64,
    },
    /// Something the user can mend in the table, the query or the workflow.
    #[error("{message}")]
    User {
        /// Stable code.
        code: &'static str,
        /// What is wrong, with names.
        message: String,
        /// What to do.
        help: String,
    },
    /// A name SQLite cannot have.
    #[error("`{name}` cannot be the name of a table or column")]
    Name {
        /// The name, escaped.
        name: String,
    },
    /// A later owner holds the route.
    #[error("{place}: epoch {found} of run {run} has taken over")]
    Fenced {
        /// The database and route.
        place: String,
        /// The epoch found.
        found: u64,
        /// The epoch held.
        held: u64,
        /// The run found.
        run: RunId,
    },
    /// The marker belongs to a run that nobody here knows.
    #[error("{place}: the marker belongs to run {run}, which this state directory knows nothing of")]
    Stranger {
        /// The database and route.
        place: String,
        /// The run found.
        run: RunId,
    },
    /// A marker that this program did not write.
    #[error("{place}: the marker in `_etl_markers` cannot be read: {message}")]
    Marker {
        /// The database and route.
        place: String,
        /// What is wrong with it.
        message: String,
    },
    /// A defect.
    #[error("{0}")]
    Impossible(String),
}

impl SqliteError {
    pub(crate) fn user(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::User { code, message: message.into(), help: help.into() }
    }
}

/// Says where an error of SQLite happened.
pub(crate) trait At<T> {
    fn at(self, place: &str) -> Result<T, SqliteError>;
}

impl<T> At<T> for Result<T, rusqlite::Error> {
    fn at(self, place: &str) -> Result<T, SqliteError> {
        self.map_err(|source| SqliteError::Sqlite { place: place.to_owned(), source })
    }
}

impl From<SqliteError> for ConnectorError {
    fn from(error: SqliteError) -> Self {
        let message = error.to_string();
        match error {
            SqliteError::Sqlite { source, .. } => of_sqlite(&source, message),
            SqliteError::Locked { .. } => Self::transient("sqlite_locked", message),
            SqliteError::User { code, message, help } => Self::user(code, message, help),
            SqliteError::Name { .. } => {
                Self::user("invalid_name", message, "give it another name with a mapping")
            }
            SqliteError::Fenced { place, found, held, run } => {
                Self::Fenced { place, found, held, run: run.to_string() }
            }
            SqliteError::Stranger { .. } => Self::user(
                "stranger",
                message,
                "use the state directory of that run (--state-dir), give this workflow another name, or delete the \
                 route's row from `_etl_markers` if that run is to be forgotten",
            ),
            SqliteError::Marker { .. } => Self::user(
                "marker_unreadable",
                message,
                "restore the row in `_etl_markers`, or delete it to start from the beginning",
            ),
            SqliteError::Impossible(message) => Self::internal(message),
        }
    }
}

fn of_sqlite(error: &rusqlite::Error, message: String) -> ConnectorError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ConnectorError::transient("sqlite_locked", message)
        }
        Some(ErrorCode::DiskFull) => ConnectorError::transient("disk_full", message),
        Some(ErrorCode::CannotOpen) => ConnectorError::user(
            "sqlite_cannot_open",
            message,
            "check that the directory exists and that this user may read and write it",
        ),
        Some(
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied,
        ) => ConnectorError::user("sqlite_read_only", message, "make the file and its directory writable"),
        Some(ErrorCode::NotADatabase) => {
            ConnectorError::user("not_a_database", message, "give the path of a SQLite database")
        }
        _ => ConnectorError::external("sqlite", message),
    }
}

use etl_model::{Retry, RunId};
use etl_sdk::ConnectorError;
use tokio_postgres::error::SqlState;

/// What goes wrong with a PostgreSQL database, apart from single rows.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The server refused, or the connection to it broke.
    #[error("{place}: {}", told(.source))]
    Server {
        /// The database and what was done with it.
        place: String,
        /// The driver's error, with the server's own words where there are any.
        source: tokio_postgres::Error,
    },
    /// The server could not be reached in time.
    #[error("{place}: no connection after {seconds} s")]
    Unreachable {
        /// Host, port and database.
        place: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A certificate or key that cannot be used.
    #[error("{place}: {message}")]
    Tls {
        /// The file, or the host.
        place: String,
        /// What is wrong with it.
        message: String,
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
    /// Something that a new attempt sets right.
    #[error("{message}")]
    Transient {
        /// Stable code.
        code: &'static str,
        /// What happened.
        message: String,
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

impl PostgresError {
    pub(crate) fn user(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::User { code, message: message.into(), help: help.into() }
    }

    /// The server's code for what happened, if the server said something.
    pub(crate) fn sql_state(&self) -> Option<&SqlState> {
        match self {
            Self::Server { source, .. } => source.code(),
            _ => None,
        }
    }

    /// Whether another host of the same database may do what this one did not: it is away, starting, or of another kind than
    /// was asked for. A refused login or a certificate that cannot be used is the same everywhere.
    pub(crate) fn may_be_of_this_host_only(&self) -> bool {
        match self {
            Self::Server { source, .. } => of_server(source, String::new()).retry() == Retry::Backoff,
            Self::Unreachable { .. } | Self::Transient { .. } => true,
            _ => false,
        }
    }
}

/// The server's words with detail, hint and place, or the driver's with its causes.
fn told(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        let mut text = db.message().to_owned();
        for (label, part) in [("detail", db.detail()), ("hint", db.hint()), ("where", db.where_())] {
            if let Some(part) = part {
                let part: String = part.lines().next().unwrap_or_default().chars().take(500).collect();
                text.push_str(&format!("; {label}: {part}"));
            }
        }
        return format!("{text} (SQLSTATE {})", db.code().code());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// Says where an error of the driver happened.
pub(crate) trait At<T> {
    fn at(self, place: &str) -> Result<T, PostgresError>;
}

impl<T> At<T> for Result<T, tokio_postgres::Error> {
    fn at(self, place: &str) -> Result<T, PostgresError> {
        self.map_err(|source| PostgresError::Server { place: place.to_owned(), source })
    }
}

impl From<PostgresError> for ConnectorError {
    fn from(error: PostgresError) -> Self {
        let message = error.to_string();
        match error {
            PostgresError::Server { source, .. } => of_server(&source, message),
            PostgresError::Unreachable { .. } => Self::transient("postgres_unreachable", message),
            PostgresError::Tls { .. } => {
                Self::user("tls", message, "correct `sslrootcert`, `sslcert`, `sslkey` or `sslmode`")
            }
            PostgresError::User { code, message, help } => Self::user(code, message, help),
            PostgresError::Transient { code, message } => Self::transient(code, message),
            PostgresError::Fenced { place, found, held, run } => {
                Self::Fenced { place, found, held, run: run.to_string() }
            }
            PostgresError::Stranger { .. } => Self::user(
                "stranger",
                message,
                "use the state directory of that run (--state-dir), give this workflow another name, or delete the \
                 route's row from `_etl_markers` if that run is to be forgotten",
            ),
            PostgresError::Marker { .. } => Self::user(
                "marker_unreadable",
                message,
                "restore the row in `_etl_markers`, or delete it to start from the beginning",
            ),
            PostgresError::Impossible(message) => Self::internal(message),
        }
    }
}

/// Whose fault an error is, from its SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn of_server(error: &tokio_postgres::Error, message: String) -> ConnectorError {
    let Some(state) = error.code() else {
        return without_state(error, message);
    };
    let class = state.code().get(..2).unwrap_or_default();
    match (class, state.code()) {
        // Deadlock and serialization failure, resources, operator intervention (shutdown, failover, timeouts), system
        // errors, connection exceptions, a server that is read-only until its promotion, locks not had in time.
        ("08" | "40" | "53" | "57" | "58", _) | (_, "25006" | "55P03" | "25P03") => {
            ConnectorError::transient("postgres_unavailable", message)
        }
        // Binary values for other types than the table has now: the next attempt looks at it anew.
        (_, "22P03" | "42804") => ConnectorError::transient("table_changed", message),
        ("28", _) => ConnectorError::user(
            "postgres_login",
            message,
            "check `username`, `password`, `sslmode` and the server's pg_hba.conf",
        ),
        (_, "3D000") => ConnectorError::user("database_missing", message, "correct `database`, or create it"),
        (_, "42501") => {
            ConnectorError::user("permission_denied", message, "grant the role what it needs on the table")
        }
        (_, "3F000") => {
            ConnectorError::user("schema_missing", message, "create the schema, or correct `table`")
        }
        ("42", _) => ConnectorError::user(
            "postgres_statement",
            message,
            "correct the table, columns or query, or undo what changed in the database meanwhile",
        ),
        _ => ConnectorError::external("postgres", message),
    }
}

fn without_state(error: &tokio_postgres::Error, message: String) -> ConnectorError {
    // With its causes, and without the names in `message`, which may be any words.
    let text = told(error).to_lowercase();
    let authentication = text.contains("authentication") || text.contains("password missing");
    if authentication && !error.is_closed() {
        return ConnectorError::user("postgres_login", message, "check `username` and `password`");
    }
    if text.contains("server does not support tls") {
        return ConnectorError::user("tls", message, "switch TLS on at the server, or relax `sslmode`");
    }
    // A value that the statement's own types do not fit: the same in every attempt.
    if text.starts_with("error serializing parameter") || text.starts_with("error deserializing column") {
        return ConnectorError::internal(message);
    }
    // The server's view of this client's certificate; in TLS 1.3 it comes after the handshake (RFC 8446, section 4.4.2.4).
    let alerts = ["unknownca", "badcertificate", "certificate", "accessdenied"];
    if let Some((_, alert)) = text.split_once("received fatal alert: ")
        && alerts.iter().any(|known| alert.contains(known))
    {
        return ConnectorError::user(
            "tls",
            message,
            "give a certificate that the server's authority has issued for this role with `sslcert` and `sslkey`",
        );
    }
    // A wrong certificate is not mended by trying again, a broken connection may be.
    if text.contains("certificate") || text.contains("unknownissuer") {
        return ConnectorError::user(
            "tls",
            message,
            "give the server's authority with `sslrootcert` and its name with `host`, or relax `sslmode`",
        );
    }
    ConnectorError::transient("postgres_connection", message)
}

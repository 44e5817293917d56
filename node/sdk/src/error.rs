use etl_model::{Fault, Retry};

/// What went wrong in a connector or transformation, whose fault it is and whether it may be retried.
///
/// Errors of single records are not errors of this kind: see [`etl_model::RecordError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// The user can mend it: a wrong path, an existing file, data that changed under a continued run.
    #[error("{message}")]
    User {
        /// Stable code, snake case.
        code: &'static str,
        /// What is wrong, with names and values.
        message: String,
        /// What to do.
        help: String,
    },
    /// A system outside: disk, server, network.
    #[error("{message}")]
    External {
        /// Stable code, snake case.
        code: &'static str,
        /// What happened, with the system's own words.
        message: String,
        /// Whether a later attempt may succeed.
        retry: Retry,
    },
    /// A later owner has fenced this one: stop for good, do not retry.
    #[error("{place}: epoch {found} of run {run} has taken over, this one holds epoch {held}")]
    Fenced {
        /// The destination and route.
        place: String,
        /// The epoch found there.
        found: u64,
        /// The epoch held.
        held: u64,
        /// The run found there.
        run: String,
    },
    /// A defect of this program.
    #[error("internal error: {message}")]
    Internal {
        /// What was impossible.
        message: String,
    },
}

impl ConnectorError {
    /// An error the user can mend.
    pub fn user(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::User { code, message: message.into(), help: help.into() }
    }

    /// An error of a system outside that will not go away by itself.
    pub fn external(code: &'static str, message: impl Into<String>) -> Self {
        Self::External { code, message: message.into(), retry: Retry::Never }
    }

    /// An error of a system outside that may go away.
    pub fn transient(code: &'static str, message: impl Into<String>) -> Self {
        Self::External { code, message: message.into(), retry: Retry::Backoff }
    }

    /// A defect.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal { message: message.into() }
    }

    /// Whose fault.
    pub fn fault(&self) -> Fault {
        match self {
            Self::User { .. } | Self::Fenced { .. } => Fault::User,
            Self::External { .. } => Fault::External,
            Self::Internal { .. } => Fault::Internal,
        }
    }

    /// Whether a later attempt may succeed.
    pub fn retry(&self) -> Retry {
        match self {
            Self::External { retry, .. } => *retry,
            _ => Retry::Never,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::User { code, .. } | Self::External { code, .. } => code,
            Self::Fenced { .. } => "fenced",
            Self::Internal { .. } => "internal",
        }
    }

    /// What to do, where that is known.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::User { help, .. } => Some(help),
            Self::Fenced { .. } => Some(
                "another process runs this workflow, or this state directory is not the one it was last run with; \
                 use that directory (--state-dir), or give this workflow another name",
            ),
            _ => None,
        }
    }
}

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use etl_model::Fault;

use crate::convert::Malformed;
use crate::refusal::Refusal;

/// Why a client did not get what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client cannot be made as it was asked for.
    #[error("{0}")]
    Usage(String),
    /// None of the servers could be reached. Nothing was done.
    #[error("no server could be reached{}", Attempts(attempts))]
    Unreachable {
        /// The last failure of each server.
        attempts: Vec<Attempt>,
    },
    /// Servers could be reached, but until the deadline none had what it needs, such as a leader. Nothing was done.
    #[error("the cluster cannot answer{}", Attempts(attempts))]
    Unavailable {
        /// The last failure of each server.
        attempts: Vec<Attempt>,
    },
    /// The call was sent, and no answer came. Whether it was done is not known.
    #[error("no answer within {} s; it is not known whether it was done{}", after.as_secs_f64(), Attempts(attempts))]
    Unanswered {
        /// How long an answer was waited for.
        after: Duration,
        /// The last failure of each server.
        attempts: Vec<Attempt>,
    },
    /// A server refused.
    #[error("{refusal}")]
    Refused {
        /// Which one, as it was named.
        server: String,
        /// Why.
        refusal: Box<Refusal>,
    },
    /// A server's answer cannot be read.
    #[error("{server}: {problem}")]
    Malformed {
        /// Which one, as it was named.
        server: String,
        /// What is wrong.
        problem: Malformed,
    },
    /// A backup broke off or arrived damaged; nothing was kept.
    #[error("the backup from {server} {problem}; nothing was kept")]
    BrokenBackup {
        /// Which one, as it was named.
        server: String,
        /// What is wrong.
        problem: String,
    },
    /// The definitions that this program was built with cannot be read.
    #[error("reflection: {0}")]
    Reflection(String),
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// What became of a call at one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The server as it was named.
    pub server: String,
    /// Why it did not answer.
    pub failure: String,
}

/// Each on a line of its own.
struct Attempts<'a>(&'a [Attempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Attempt { server, failure }) in self.0.iter().enumerate() {
            write!(f, "{}\n  {server}: {failure}", if index == 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}

impl Error {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Usage(_) => Fault::User,
            Self::Unreachable { .. }
            | Self::Unavailable { .. }
            | Self::Unanswered { .. }
            | Self::Malformed { .. }
            | Self::BrokenBackup { .. } => Fault::External,
            Self::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::InvalidInput => Fault::User,
                _ => Fault::External,
            },
            Self::Refused { refusal, .. } => refusal.fault(),
            Self::Reflection(_) => Fault::Internal,
        }
    }

    /// Whether the same call may succeed later, and making it again is harmless.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unavailable { .. } | Self::BrokenBackup { .. } => true,
            Self::Refused { refusal, .. } => refusal.is_retryable(),
            Self::Usage(_)
            | Self::Unanswered { .. }
            | Self::Malformed { .. }
            | Self::Reflection(_)
            | Self::File { .. } => false,
        }
    }

    /// A stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Usage(_) => "usage",
            Self::Unreachable { .. } => "unreachable",
            Self::Unavailable { .. } => "unavailable",
            Self::Unanswered { .. } => "outcome_unknown",
            Self::Refused { refusal, .. } => &refusal.code,
            Self::Malformed { .. } => "malformed_answer",
            Self::BrokenBackup { .. } => "broken_backup",
            Self::Reflection(_) => "reflection",
            Self::File { .. } => "file",
        }
    }

    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => {
                Some("name a node's admin address with --server HOST:PORT".to_owned())
            }
            Self::Unavailable { .. } => Some(
                "see what a node knows with `cluster status --stale`; without a majority nothing is changed"
                    .to_owned(),
            ),
            Self::Unanswered { .. } => Some("look at what is there before you try again".to_owned()),
            Self::Refused { refusal, .. } => refusal.help.clone(),
            Self::Malformed { .. } => Some("use a client of the same version as the nodes".to_owned()),
            Self::BrokenBackup { .. } => Some("try again".to_owned()),
            Self::Usage(_) | Self::Reflection(_) | Self::File { .. } => None,
        }
    }

    /// The refusal, if a server refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

use std::io;
use std::path::PathBuf;

use etl_api::model::Finding;
use etl_engine::EngineError;
use etl_model::Fault;
use etl_state::StateError;
use etl_workflow::Diagnostics;

use crate::Exit;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The workflow is not valid.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The run could not begin.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Something was named on the command line that does not exist.
    #[error("{message}")]
    Unknown {
        /// What was named.
        message: String,
        /// What there is.
        help: String,
    },
    /// A node found a workflow that is not valid.
    #[error("{}", lines(.0))]
    InvalidOnCluster(Vec<Finding>),
    /// The cluster could not be reached, or refused.
    #[error(transparent)]
    Cluster(#[from] etl_api::Error),
    /// Certificates cannot be used.
    #[error(transparent)]
    Security(#[from] etl_security::Error),
    /// What this process does cannot be told.
    #[error(transparent)]
    Telemetry(#[from] etl_telemetry::Error),
    /// A node did not start, or ended.
    #[error(transparent)]
    Node(#[from] crate::node::Error),
    /// Standard output is gone.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

/// One below the other.
fn lines(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
}

impl Error {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        let of = |fault| match fault {
            Fault::User => Exit::Findings,
            Fault::External => Exit::Unreachable,
            Fault::Internal => Exit::Internal,
        };
        match self {
            Self::Read { .. } | Self::Unknown { .. } => Exit::Usage,
            Self::Invalid(_) | Self::InvalidOnCluster(_) => Exit::Findings,
            Self::Cluster(etl_api::Error::Usage(_)) => Exit::Usage,
            Self::Cluster(error) => of(error.fault()),
            Self::Node(error) => error.exit(),
            Self::Security(error) if error.is_users_fault() => Exit::Usage,
            Self::Security(_) => Exit::Unreachable,
            Self::Telemetry(etl_telemetry::Error::Endpoint { .. }) => Exit::Usage,
            Self::Telemetry(_) => Exit::Internal,
            Self::State(error) => of(error.fault()),
            Self::Engine(error) => of(error.fault()),
            Self::Output(_) => Exit::Unreachable,
        }
    }

    /// A stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Read { .. } => "file",
            Self::Invalid(_) | Self::InvalidOnCluster(_) => "invalid_workflow",
            Self::Cluster(error) => error.code(),
            Self::Node(error) => error.code(),
            Self::Security(_) => "security",
            Self::Telemetry(_) => "telemetry",
            Self::State(_) => "state",
            Self::Engine(error) => error.code(),
            Self::Unknown { .. } => "unknown_name",
            Self::Output(_) => "output",
        }
    }

    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("check the path; it is relative to the working directory".to_owned())
            }
            Self::Read { .. }
            | Self::Invalid(_)
            | Self::InvalidOnCluster(_)
            | Self::Telemetry(_)
            | Self::Output(_) => None,
            Self::Cluster(error) => error.help(),
            Self::Node(error) => error.help(),
            Self::Security(error) => error.help().map(str::to_owned),
            Self::State(error) => error.help(),
            Self::Engine(error) => error.help(),
            Self::Unknown { help, .. } => Some(help.clone()),
        }
    }
}

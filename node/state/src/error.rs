use std::io;
use std::path::PathBuf;

use etl_engine::PortError;
use etl_model::{Fault, Retry, RunId};

/// Why the state directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process uses it.
    #[error("state directory {path} is in use by process {pid}")]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process, as it wrote itself.
        pid: String,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The database refused or is damaged.
    #[error("state database {path}: {source}")]
    Database {
        /// The database's directory.
        path: PathBuf,
        /// What it said.
        source: sled::Error,
    },
    /// A value cannot be read.
    #[error("state database {path}: value `{key}` cannot be read: {message}")]
    Decode {
        /// The database's directory.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// The workflow means something else than when its run was interrupted.
    #[error("the workflow has changed since its run {run} was interrupted")]
    Changed {
        /// The interrupted run.
        run: RunId,
    },
    /// Other values of parameters are asked for than the interrupted run has.
    #[error("the interrupted run {run} was started with {parameter}={has}, not with {parameter}={asked}")]
    Parameters {
        /// The interrupted run.
        run: RunId,
        /// The first parameter that differs.
        parameter: String,
        /// Its value in the run.
        has: String,
        /// The value that was asked for.
        asked: String,
    },
}

impl StateError {
    /// Whose fault.
    pub fn fault(&self) -> Fault {
        match self {
            Self::InUse { .. } | Self::Changed { .. } | Self::Parameters { .. } => Fault::User,
            Self::Io { .. } | Self::Database { .. } => Fault::External,
            Self::Decode { .. } => Fault::Internal,
        }
    }

    /// What to do.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::InUse { pid, .. } => format!(
                "wait for process {pid} to end or stop it (kill {pid}); to run another workflow beside it, give it \
                 its own --state-dir"
            ),
            Self::Changed { .. } => "continue it with the new meaning (--accept-changes), start over (--restart; an \
                                     append destination keeps the rows it already has), or undo the change"
                .to_owned(),
            Self::Parameters { .. } => "continue it without --param, or start over with other values (--restart; an append \
                                        destination keeps the rows it already has)"
                .to_owned(),
            Self::Io { .. } => {
                "check that the directory exists, is writable and has free space, or choose another with --state-dir"
                    .to_owned()
            }
            Self::Database { path, .. } | Self::Decode { path, .. } => format!(
                "if the disk is sound, move {} away: destinations keep their markers, so a run with lost state is \
                 refused instead of repeated",
                path.display()
            ),
        })
    }
}

impl From<StateError> for PortError {
    fn from(error: StateError) -> Self {
        Self { fault: error.fault(), message: error.to_string(), retry: Retry::Never, help: error.help() }
    }
}

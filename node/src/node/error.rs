use std::io;
use std::path::{Path, PathBuf};

use crate::Exit;

/// Why a node did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the node's own could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Settings that cannot be used, all of them.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// The node has no identity and was not told how to get one.
    #[error("{} belongs to no cluster yet", data_dir.display())]
    NoIdentity {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// Certificates or a listener cannot be used.
    #[error(transparent)]
    Security(#[from] etl_security::Error),
    /// Consensus or what it keeps on disk.
    #[error(transparent)]
    Raft(#[from] etl_raft::Error),
    /// Consensus has ended by itself; what it had under way is not known.
    #[error("consensus has stopped: {0}")]
    Stopped(etl_raft::Error),
    /// The cluster did not take the node in.
    #[error(transparent)]
    Join(#[from] etl_cluster::Error),
    /// The cluster's state refuses what had to be done.
    #[error("refused by the cluster's state: {0}")]
    Refused(String),
    /// What the data directory holds is damaged, and the node cannot begin anew by itself.
    #[error("{damage}; {why_not}")]
    Damaged {
        /// What is damaged.
        damage: etl_raft::Error,
        /// Why it does not rejoin by itself.
        why_not: String,
    },
    /// A command on a data directory that it is not for.
    #[error("{0}")]
    Unfit(String),
    /// A task of the node has ended that never should.
    #[error("a defect: {0}")]
    Defect(String),
}

impl Error {
    /// For `map_err` on operations on a file.
    pub(super) fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { path, source }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        use etl_raft::Error as Raft;
        match self {
            Self::Settings(_) | Self::NoIdentity { .. } | Self::Unfit(_) => Exit::Usage,
            Self::Io { source, .. } | Self::Raft(Raft::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Exit::Usage
            }
            Self::Security(error) if error.is_users_fault() => Exit::Usage,
            Self::Raft(Raft::WrongIdentity(_)) | Self::Join(etl_cluster::Error::NoAddress) => Exit::Usage,
            Self::Join(etl_cluster::Error::Refused { .. } | etl_cluster::Error::Malformed { .. }) => {
                Exit::Findings
            }
            Self::Raft(Raft::Damaged { .. } | Raft::Encoding(_)) | Self::Damaged { .. } => Exit::Findings,
            Self::Defect(_) => Exit::Internal,
            Self::Io { .. }
            | Self::Security(_)
            | Self::Raft(_)
            | Self::Stopped(_)
            | Self::Join(_)
            | Self::Refused(_) => Exit::Unreachable,
        }
    }

    /// A stable code.
    pub fn code(&self) -> &'static str {
        use etl_raft::Error as Raft;
        match self {
            Self::Io { .. } => "file",
            Self::Settings(_) => "invalid_settings",
            Self::NoIdentity { .. } => "no_identity",
            Self::Security(_) => "security",
            Self::Raft(Raft::InUse { .. }) => "data_dir_in_use",
            Self::Raft(Raft::Damaged { .. }) | Self::Damaged { .. } => "damaged_data",
            Self::Raft(_) => "consensus",
            Self::Stopped(_) => "consensus_stopped",
            Self::Join(_) => "join",
            Self::Refused(_) => "refused",
            Self::Unfit(_) => "unfit_data_dir",
            Self::Defect(_) => "defect",
        }
    }

    /// What to do about it, where that is not obvious.
    pub fn help(&self) -> Option<String> {
        use etl_raft::Error as Raft;
        let text = match self {
            Self::Security(error) => return error.help().map(str::to_owned),
            Self::NoIdentity { .. } => {
                "found a new cluster with `--bootstrap` on exactly one node, or join one with `--join HOST:PORT`, the admin \
                 address of a member"
            }
            Self::Io { path, source } | Self::Raft(Raft::Io { path, source })
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                return Some(format!(
                    "give this user the right to use {}, or choose another path",
                    path.display()
                ));
            }
            Self::Raft(Raft::Damaged { .. }) | Self::Damaged { .. } => {
                "with `--join` and the admin addresses of other members, a damaged node sets its data aside and joins anew; when \
                 no majority is left, see `actix-etl cluster recover --help`"
            }
            Self::Raft(Raft::Encoding(error)) if error.needs_upgrade() => {
                "the cluster uses what this software does not know; install the version the other nodes have"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}

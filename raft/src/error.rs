use std::io;
use std::path::{Path, PathBuf};

use etl_raft_state::EncodingError;

use crate::type_config::NodeId;

/// What can go wrong in consensus.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused. On vote or log this ends the process: what the disk holds is not known any more.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// A file does not hold what was written. The node must not serve from it.
    #[error("{}: {problem}; the node refuses to serve from damaged data", path.display())]
    Damaged { path: PathBuf, problem: String },
    /// Another process uses the data directory.
    #[error("{} is in use by process {pid}; stop it or use another data directory", path.display())]
    InUse { path: PathBuf, pid: u32 },
    /// The directory belongs to another node or cluster than it should.
    #[error("{0}")]
    WrongIdentity(String),
    /// Nobody leads at the moment, or the leader cannot be reached. Nothing was done; may be tried again.
    #[error("no leader can be reached: {0}")]
    NoLeader(String),
    /// Whether it was done cannot be told: the answer was lost. Only in a session may it be tried again.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
    /// This node was addressed as another, or by another cluster.
    #[error("refused: {0}")]
    Misdirected(String),
    /// A command is larger than an entry of the log may be.
    #[error("a command of {size} bytes is larger than the {limit} bytes that an entry may have")]
    TooLarge { size: usize, limit: usize },
    /// The membership cannot be changed so.
    #[error("{0}")]
    Membership(String),
    /// The node is not a member any more, or is stopping.
    #[error("node {0} has stopped taking part")]
    Stopped(NodeId),
    /// Something that was read cannot be decoded.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
}

impl Error {
    /// For `map_err` on operations on a file.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { path, source }
    }

    /// Whether the same call may succeed later, and doing it again is harmless.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NoLeader(_))
    }
}

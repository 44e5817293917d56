use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What can go wrong with certificates and listeners.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// A file is not what it is named for.
    #[error("{}: {problem}", path.display())]
    Malformed { path: PathBuf, problem: String },
    /// A private key belongs to another certificate.
    #[error("{} is not the private key of {}", key.display(), certificate.display())]
    KeyMismatch { certificate: PathBuf, key: PathBuf },
    /// The certificate would be refused by every peer that trusts the same authority.
    #[error("{}: {problem}", path.display())]
    Unusable { path: PathBuf, problem: String },
    /// Settings that do not go together.
    #[error("{0}")]
    Settings(String),
    /// Something that must not be overwritten is there.
    #[error("{} exists already and is not overwritten", path.display())]
    Exists { path: PathBuf },
    /// A name cannot stand in a certificate, or be a file's.
    #[error("`{name}` {problem}")]
    Name { name: String, problem: String },
    /// The listener cannot be opened.
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    /// A certificate could not be made; a defect of this program.
    #[error("a certificate could not be made: {0}")]
    Generate(String),
}

impl Error {
    /// For `map_err` on operations on a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Whether the user has to mend something; otherwise the machine or this program is at fault.
    pub fn is_users_fault(&self) -> bool {
        match self {
            Self::Generate(_) => false,
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
            }
            // Another process may let go of the port.
            Self::Listen { source, .. } => source.kind() != io::ErrorKind::AddrInUse,
            _ => true,
        }
    }

    /// Whether the same call may succeed later without anybody mending something.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }

    /// What to do about it, where that is not obvious.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::KeyMismatch { .. } => Some("give the certificate and the key that were made together"),
            Self::Unusable { .. } => Some(
                "issue the certificate anew with `actix-etl tls issue`, or give the authority that signed it",
            ),
            Self::Exists { .. } => {
                Some("choose another directory, or add `--replace` to `actix-etl tls issue`")
            }
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some("another process listens there; stop it or choose another port")
            }
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrNotAvailable => {
                Some("no interface of this machine has that address")
            }
            _ => None,
        }
    }
}

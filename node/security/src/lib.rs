//! Keeps connections private: certificates, TLS for nodes and clients, reloading.
//!
//! [`Authority`] and [`CertificateFolder`] make the certificates of a first cluster. [`Credentials`] holds what the files of
//! [`TlsSettings`] say, checked, and takes up new files while connections live on. [`Connector`] dials and [`Listener`]
//! accepts, both with or without TLS, both yielding a [`Connection`].
//!
//! **Invariant:** nothing here relies on a crypto provider of the process; the one in use is passed explicitly.

mod authority;
mod certificate;
mod certificate_folder;
mod connection;
mod connector;
mod credentials;
mod error;
mod listener;
mod material;
mod names;
mod own_certificate;
mod pem_files;
mod settings;
mod sockets;

pub use authority::{Authority, Issued, Validity};
pub use certificate::CertificateFacts;
pub use certificate_folder::{CertificateFolder, NodeCertificate};
pub use connection::{Connection, PeerInfo};
pub use connector::Connector;
pub use credentials::{Credentials, Reload};
pub use error::Error;
pub use listener::{Listener, Peers};
pub use names::host_of;
pub use settings::{ClientAuth, TlsSettings};

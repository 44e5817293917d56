use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which files make connections private.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// Certificates in PEM form of the authorities that are trusted, and no others: a private one as a rule.
    pub ca: PathBuf,
    /// The own certificate in PEM form, followed by intermediate ones. A node needs one; a tool needs one where nodes
    /// ask for it.
    pub certificate: Option<PathBuf>,
    /// Its private key in PEM form.
    pub key: Option<PathBuf>,
    /// What a listener asks of those who connect; one for nodes alone always asks for a certificate.
    pub client_auth: ClientAuth,
}

/// What a listener asks of those who connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// A certificate of a trusted authority.
    #[default]
    Required,
    /// Nothing: whoever reaches the port may speak. The connection is encrypted all the same.
    None,
}

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use etl_security::{Authority, ClientAuth, Credentials, Issued, TlsSettings, Validity};

/// A directory with an authority's certificate and certificates that it issued.
pub struct Pki {
    directory: tempfile::TempDir,
    pub authority: Authority,
}

pub fn valid() -> Validity {
    Validity::days_from_now(90)
}

/// A validity that ended an hour ago.
pub fn expired() -> Validity {
    let now = SystemTime::now();
    Validity { from: now - Duration::from_secs(7200), until: now - Duration::from_secs(3600) }
}

pub fn localhost() -> Vec<String> {
    ["localhost", "127.0.0.1"].map(str::to_owned).to_vec()
}

impl Pki {
    pub fn new() -> Self {
        let authority = Authority::create(valid()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("ca.crt"), authority.certificate()).unwrap();
        Self { directory, authority }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, issued: &Issued) {
        fs::write(self.path(&format!("{name}.crt")), &issued.certificate).unwrap();
        fs::write(self.path(&format!("{name}.key")), &issued.key).unwrap();
    }

    /// A node's certificate for the local machine.
    pub fn node(&self, name: &str) -> TlsSettings {
        self.write(name, &self.authority.issue_node(name, &localhost(), valid()).unwrap());
        self.settings(name)
    }

    /// A tool's certificate.
    pub fn tool(&self, name: &str) -> TlsSettings {
        self.write(name, &self.authority.issue_client(name, valid()).unwrap());
        self.settings(name)
    }

    /// The files of this name.
    pub fn settings(&self, name: &str) -> TlsSettings {
        TlsSettings {
            ca: self.path("ca.crt"),
            certificate: Some(self.path(&format!("{name}.crt"))),
            key: Some(self.path(&format!("{name}.key"))),
            client_auth: ClientAuth::Required,
        }
    }

    /// Trusts the authority and shows no certificate.
    pub fn anonymous(&self) -> TlsSettings {
        TlsSettings {
            ca: self.path("ca.crt"),
            certificate: None,
            key: None,
            client_auth: ClientAuth::Required,
        }
    }
}

pub fn node(settings: &TlsSettings) -> Credentials {
    Credentials::of_node(settings).unwrap()
}

pub fn tool(settings: &TlsSettings) -> Credentials {
    Credentials::of_tool(settings).unwrap()
}

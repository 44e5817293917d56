use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::builder::Certificate;
use crate::{ServiceError, program};

/// The settings of the authority's own certificate.
const AUTHORITY: &str = "[req]\ndistinguished_name = name\nprompt = no\nx509_extensions = extensions\n\
                         [name]\nCN = Test authority\n\
                         [extensions]\nbasicConstraints = critical, CA:TRUE\n\
                         keyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n";

/// An authority made for one server, and the server's certificate from it.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority's certificate, in PEM.
    pub authority: PathBuf,
    /// The server's certificate, in PEM.
    pub certificate: PathBuf,
    /// The key of the server's certificate, in PEM.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes all of them in a directory.
    pub fn make(directory: &Path, kind: Certificate) -> Result<Self, ServiceError> {
        let file = |name: &str| directory.join(name);
        let (authority, authority_key) = (file("ca.crt"), file("ca.key"));
        let (certificate, key, request) = (file("server.crt"), file("server.key"), file("server.csr"));
        let (settings, extensions) = (file("ca.cnf"), file("server.cnf"));
        let names = match kind {
            Certificate::OfThisHost => "DNS:localhost, IP:127.0.0.1",
            Certificate::OfAnotherHost => "DNS:another-host.invalid",
        };
        let constraints = "basicConstraints = critical, CA:FALSE\nextendedKeyUsage = serverAuth\n";
        fs::write(&settings, AUTHORITY).map_err(ServiceError::at(&settings))?;
        fs::write(&extensions, format!("{constraints}subjectAltName = {names}\n"))
            .map_err(ServiceError::at(&extensions))?;
        let new_key =
            ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256", "-config"];
        openssl(|command| {
            command.args(["req", "-x509", "-days", "3650"]).args(new_key).arg(&settings);
            command.arg("-keyout").arg(&authority_key).arg("-out").arg(&authority)
        })?;
        openssl(|command| {
            command.args(["req", "-new", "-subj", "/CN=Test server"]).args(new_key).arg(&settings);
            command.arg("-keyout").arg(&key).arg("-out").arg(&request)
        })?;
        openssl(|command| {
            command.args(["x509", "-req", "-sha256", "-days", "3650", "-set_serial", "2"]);
            command.arg("-in").arg(&request).arg("-CA").arg(&authority).arg("-CAkey").arg(&authority_key);
            command.arg("-extfile").arg(&extensions).arg("-out").arg(&certificate)
        })?;
        Ok(Self { authority, certificate, key })
    }
}

fn openssl(arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<(), ServiceError> {
    let Some(openssl) = program::in_path("openssl") else {
        let help = "install the package openssl (.ci/test does)".to_owned();
        return Err(ServiceError::Missing { program: "openssl".to_owned(), help });
    };
    program::output(arguments(&mut Command::new(openssl)), "").map(|_| ())
}

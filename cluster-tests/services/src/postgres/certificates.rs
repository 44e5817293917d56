use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::access::Access;
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
    /// The certificate of a client that is the superuser, in PEM.
    pub client_certificate: PathBuf,
    /// The key of the client's certificate, in PEM.
    pub client_key: PathBuf,
}

impl Certificates {
    /// Makes all of them in a directory.
    pub fn make(directory: &Path, kind: Certificate) -> Result<Self, ServiceError> {
        let file = |name: &str| directory.join(name);
        let (authority, authority_key) = (file("ca.crt"), file("ca.key"));
        let (certificate, key) = (file("server.crt"), file("server.key"));
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
        let authority_files = (authority.as_path(), authority_key.as_path());
        let server = Request { subject: "/CN=Test server", serial: "2", extensions: &extensions };
        server.issue(&new_key, &settings, authority_files, (&certificate, &key))?;
        let (client_certificate, client_key) = (file("client.crt"), file("client.key"));
        let client_extensions = file("client.cnf");
        fs::write(
            &client_extensions,
            "basicConstraints = critical, CA:FALSE\nextendedKeyUsage = clientAuth\n",
        )
        .map_err(ServiceError::at(&client_extensions))?;
        let subject = format!("/CN={}", Access::USER);
        let client = Request { subject: &subject, serial: "3", extensions: &client_extensions };
        client.issue(&new_key, &settings, authority_files, (&client_certificate, &client_key))?;
        Ok(Self { authority, certificate, key, client_certificate, client_key })
    }
}

/// A certificate that is wanted from the authority.
struct Request<'a> {
    subject: &'a str,
    serial: &'a str,
    extensions: &'a Path,
}

impl Request<'_> {
    /// Has it issued: certificate and key go to the files named last.
    fn issue(
        &self,
        new_key: &[&str],
        settings: &Path,
        (authority, authority_key): (&Path, &Path),
        (certificate, key): (&Path, &Path),
    ) -> Result<(), ServiceError> {
        let request = certificate.with_extension("csr");
        openssl(|command| {
            command.args(["req", "-new", "-subj", self.subject]).args(new_key).arg(settings);
            command.arg("-keyout").arg(key).arg("-out").arg(&request)
        })?;
        openssl(|command| {
            command.args(["x509", "-req", "-sha256", "-days", "3650", "-set_serial", self.serial]);
            command.arg("-in").arg(&request).arg("-CA").arg(authority).arg("-CAkey").arg(authority_key);
            command.arg("-extfile").arg(self.extensions).arg("-out").arg(certificate)
        })
    }
}

fn openssl(arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<(), ServiceError> {
    let Some(openssl) = program::in_path("openssl") else {
        let help = "install the package openssl (.ci/test does)".to_owned();
        return Err(ServiceError::Missing { program: "openssl".to_owned(), help });
    };
    program::output(arguments(&mut Command::new(openssl)), "").map(|_| ())
}

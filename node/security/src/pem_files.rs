use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Error, TlsSettings};

/// Largest file that is read, in bytes; a bundle of all public authorities has a quarter of it.
const MAX_BYTES: u64 = 1 << 20;

/// What the files of the settings held when they were read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PemFiles {
    pub ca: Vec<u8>,
    pub certificate: Option<Vec<u8>>,
    pub key: Option<Vec<u8>>,
}

impl PemFiles {
    /// Reads all files; blocks.
    pub fn read(settings: &TlsSettings) -> Result<Self, Error> {
        let optional = |path: &Option<_>| path.as_deref().map(read).transpose();
        Ok(Self {
            ca: read(&settings.ca)?,
            certificate: optional(&settings.certificate)?,
            key: optional(&settings.key)?,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    if bytes.len() as u64 > MAX_BYTES {
        let problem = format!("has more than {MAX_BYTES} bytes; it is no file of certificates or keys");
        return Err(Error::Malformed { path: path.to_owned(), problem });
    }
    Ok(bytes)
}

/// All certificates of a file, at least one.
pub(crate) fn certificates(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let malformed = |problem: String| Error::Malformed { path: path.to_owned(), problem };
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match all {
        Ok(all) if all.is_empty() => Err(malformed("holds no certificate in PEM form".to_owned())),
        Ok(all) => Ok(all),
        Err(error) => Err(malformed(format!("is not a PEM file of certificates: {error}"))),
    }
}

/// The private key of a file.
pub(crate) fn private_key(path: &Path, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    // The parser's message may quote the file; that of a key is not for logs.
    PrivateKeyDer::from_pem_slice(bytes).map_err(|_| Error::Malformed {
        path: path.to_owned(),
        problem: "holds no unencrypted private key in PEM form".to_owned(),
    })
}

/// Whether others than the owner and the group may read the file.
pub(crate) fn is_open_to_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata(path)?.mode() & 0o007 != 0)
}

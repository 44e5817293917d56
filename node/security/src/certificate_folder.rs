use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::authority::{Authority, Issued, Validity};

/// Days that an authority is valid.
const AUTHORITY_DAYS: u32 = 3650;

/// A node that gets a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCertificate {
    /// The files are named after it.
    pub name: String,
    /// DNS names and IP addresses at which others reach it.
    pub hosts: Vec<String>,
}

/// A directory with an authority (`ca.crt`, `ca.key`) and what it has issued (`NAME.crt`, `NAME.key`).
///
/// Keys are readable by their owner alone. Nodes need `ca.crt` and their own two files; `ca.key` belongs on no node.
pub struct CertificateFolder {
    directory: PathBuf,
    authority: Authority,
}

impl CertificateFolder {
    /// Makes an authority in a directory, which is made where it is missing, and first certificates. Returns the files.
    ///
    /// # Errors
    /// When one of the files is there already, or a name or host cannot be used. Nothing has been written then.
    pub fn create_with(
        directory: &Path,
        nodes: &[NodeCertificate],
        clients: &[String],
        days: u32,
    ) -> Result<Vec<PathBuf>, Error> {
        let authority = Authority::create(Validity::days_from_now(AUTHORITY_DAYS))?;
        let own = Issued { certificate: authority.certificate().to_owned(), key: authority.key() };
        let folder = Self { directory: directory.to_owned(), authority };
        let mut all = vec![("ca".to_owned(), own)];
        all.extend(folder.sign(nodes, clients, days)?);
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory).map_err(Error::io(directory))?;
        write(directory, &all, false)
    }

    /// Takes up the authority of a directory.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let text = |name: &str| {
            let path = directory.join(name);
            fs::read_to_string(&path).map_err(Error::io(&path))
        };
        let authority = Authority::from_pem(&text("ca.crt")?, &text("ca.key")?)
            .map_err(|problem| Error::Malformed { path: directory.to_owned(), problem })?;
        Ok(Self { directory: directory.to_owned(), authority })
    }

    /// Issues certificates; either all files are written or, unless the machine fails, none.
    ///
    /// With `replace` files of the same names are replaced one by one, each atomically; a node that has one of two new files
    /// keeps its old certificate until both fit together.
    ///
    /// # Errors
    /// When a file exists already and `replace` is false; when a name or host cannot be used. Nothing has been written then.
    pub fn issue(
        &self,
        nodes: &[NodeCertificate],
        clients: &[String],
        days: u32,
        replace: bool,
    ) -> Result<Vec<PathBuf>, Error> {
        write(&self.directory, &self.sign(nodes, clients, days)?, replace)
    }

    fn sign(
        &self,
        nodes: &[NodeCertificate],
        clients: &[String],
        days: u32,
    ) -> Result<Vec<(String, Issued)>, Error> {
        let validity = Validity::days_from_now(days);
        let mut issued: Vec<(String, Issued)> = Vec::new();
        for node in nodes {
            issued.push((node.name.clone(), self.authority.issue_node(&node.name, &node.hosts, validity)?));
        }
        for client in clients {
            issued.push((client.clone(), self.authority.issue_client(client, validity)?));
        }
        for (at, (name, _)) in issued.iter().enumerate() {
            if issued.iter().take(at).any(|(other, _)| other == name) {
                return Err(Error::Name { name: name.clone(), problem: "is given twice".to_owned() });
            }
        }
        Ok(issued)
    }
}

/// Writes both files of each; returns their paths.
fn write(directory: &Path, all: &[(String, Issued)], replace: bool) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for (name, issued) in all {
        files.push((directory.join(format!("{name}.crt")), &issued.certificate, 0o644));
        files.push((directory.join(format!("{name}.key")), &issued.key, 0o600));
    }
    if !replace && let Some((path, ..)) = files.iter().find(|(path, ..)| path.symlink_metadata().is_ok()) {
        return Err(Error::Exists { path: path.clone() });
    }
    let mut written: Vec<PathBuf> = Vec::new();
    for (path, text, mode) in &files {
        let result = match replace {
            true => replace_file(path, text, *mode),
            false => create_file(path, text, *mode),
        };
        match result {
            Ok(()) => written.push(path.clone()),
            Err(source) => {
                if !replace {
                    remove(&written);
                }
                return Err(match source.kind() {
                    io::ErrorKind::AlreadyExists => Error::Exists { path: path.clone() },
                    _ => Error::Io { path: path.clone(), source },
                });
            }
        }
    }
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(Error::io(directory))?;
    Ok(written)
}

/// Takes back what was made before the failure; that it cannot be removed changes nothing about the failure.
fn remove(paths: &[PathBuf]) {
    for path in paths {
        let _ = fs::remove_file(path);
    }
}

fn create_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let result = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if result.is_err() {
        remove(&[path.to_owned()]);
    }
    result
}

fn replace_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create_file(&temporary, text, mode)?;
    fs::rename(&temporary, path).inspect_err(|_| remove(&[temporary]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn node(name: &str) -> NodeCertificate {
        NodeCertificate { name: name.to_owned(), hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()] }
    }

    fn content(directory: &Path) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        let mut all: Vec<_> = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect();
        all.sort();
        all
    }

    #[test]
    fn keys_are_for_their_owner_alone_and_nothing_is_overwritten() {
        let base = tempfile::tempdir().unwrap();
        let directory = base.path().join("deep/pki");
        let written =
            CertificateFolder::create_with(&directory, &[node("n1"), node("n2")], &["client".to_owned()], 30)
                .unwrap();
        assert_eq!(written.len(), 8);
        let folder = CertificateFolder::open(&directory).unwrap();
        for name in ["ca.key", "n1.key", "n2.key", "client.key"] {
            assert_eq!(fs::metadata(directory.join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
        }
        let before = content(&directory);
        let again = CertificateFolder::create_with(&directory, &[node("n4")], &[], 30);
        assert!(matches!(again, Err(Error::Exists { .. })));
        assert!(matches!(folder.issue(&[node("n3"), node("n2")], &[], 30, false), Err(Error::Exists { .. })));
        assert!(matches!(folder.issue(&[node("n3"), node("n3")], &[], 30, false), Err(Error::Name { .. })));
        assert!(matches!(folder.issue(&[node("ca")], &[], 30, true), Err(Error::Name { .. })));
        assert!(matches!(folder.issue(&[], &["../x".to_owned()], 30, true), Err(Error::Name { .. })));
        assert_eq!(content(&directory), before);
    }

    #[test]
    fn nothing_is_left_when_a_name_cannot_be_used() {
        let base = tempfile::tempdir().unwrap();
        let directory = base.path().join("pki");
        for wrong in ["a/b", "ca", "n1"] {
            let nodes = [node("n1"), node(wrong)];
            assert!(matches!(
                CertificateFolder::create_with(&directory, &nodes, &[], 30),
                Err(Error::Name { .. })
            ));
        }
        assert!(!directory.exists());
    }

    #[test]
    fn an_authority_is_taken_up_and_certificates_are_replaced() {
        let base = tempfile::tempdir().unwrap();
        CertificateFolder::create_with(base.path(), &[node("n1")], &[], 30).unwrap();
        let before = content(base.path());
        let folder = CertificateFolder::open(base.path()).unwrap();
        folder.issue(&[node("n1")], &[], 60, true).unwrap();
        let after = content(base.path());
        assert_eq!(before.len(), after.len(), "no temporary file is left");
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(old.1 == new.1, old.0.starts_with("ca."), "{}", old.0);
        }
    }

    #[test]
    fn a_damaged_authority_is_refused() {
        let base = tempfile::tempdir().unwrap();
        assert!(matches!(CertificateFolder::open(base.path()), Err(Error::Io { .. })));
        CertificateFolder::create_with(base.path(), &[], &[], 30).unwrap();
        let key = fs::read_to_string(base.path().join("ca.key")).unwrap();
        fs::write(base.path().join("ca.key"), &key[..key.len() / 2]).unwrap();
        let error = CertificateFolder::open(base.path()).err().unwrap();
        assert!(error.to_string().contains("the key is not"), "{error}");
        fs::write(base.path().join("ca.key"), key).unwrap();
        fs::write(base.path().join("ca.crt"), "nothing").unwrap();
        let error = CertificateFolder::open(base.path()).err().unwrap();
        assert!(error.to_string().contains("the certificate is not"), "{error}");
    }
}

use std::fs::{self, File};
use std::io::{self, Write, stderr};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;
use uuid::Uuid;

use super::Error;

/// Who a node is and where it listens, told once it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Ready {
    pub node: u64,
    pub cluster: Uuid,
    /// Where it is bound, with the port that the system chose for port 0.
    pub raft: SocketAddr,
    pub admin: SocketAddr,
    /// Where metrics and health are told; `None` when nowhere.
    pub http: Option<SocketAddr>,
    /// How others reach it.
    pub raft_advertised: String,
    pub admin_advertised: String,
}

impl Ready {
    /// Takes away what an earlier process has told, so that nobody who waits for it reads that.
    pub fn forget(file: &Path) -> Result<(), Error> {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(file)(error)),
            _ => Ok(()),
        }
    }

    /// One line on standard error, and a file if one was asked for.
    pub fn tell(&self, file: Option<&Path>) -> Result<(), Error> {
        if let Some(file) = file {
            self.write(file)?;
        }
        // Where it cannot be written there is nobody to tell.
        let _ = writeln!(
            stderr(),
            "ready: node {} of cluster {}, raft {}, admin {}{}",
            self.node,
            self.cluster,
            self.raft,
            self.admin,
            self.http.map_or_else(String::new, |http| format!(", http {http}"))
        );
        Ok(())
    }

    /// The file holds the old content or the new, so that whoever waits for it never reads half.
    fn write(&self, file: &Path) -> Result<(), Error> {
        let mut temporary = file.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let text = serde_json::to_vec(self).map_err(|error| Error::Defect(error.to_string()))?;
        let written = File::create(&temporary).and_then(|mut out| {
            out.write_all(&text)?;
            out.write_all(b"\n")?;
            fs::rename(&temporary, file)
        });
        written.map_err(Error::io(file))
    }
}

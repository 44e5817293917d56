use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::group::Error;

/// A small disk in memory, mounted until this is dropped. Needs root and the programs `mount` and `umount`.
#[derive(Debug)]
pub struct Mount {
    at: PathBuf,
    is_mounted: bool,
}

/// What is written at once to use room up.
const BLOCK: usize = 64 << 10;

fn run(program: &str, arguments: &[&str], at: &Path) -> Result<(), Error> {
    let failed = |problem| Error::Command { command: format!("{program} {}", at.display()), problem };
    let output = Command::new(program).args(arguments).arg(at).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

impl Mount {
    /// Mounts a disk of so many MiB at a directory, which is made.
    pub fn new(at: &Path, mib: u64) -> Result<Self, Error> {
        fs::create_dir_all(at).map_err(Error::file(at))?;
        let options = format!("size={mib}m,mode=0700");
        run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs"], at)?;
        Ok(Self { at: at.to_owned(), is_mounted: true })
    }

    pub fn unmount(mut self) -> Result<(), Error> {
        self.is_mounted = false;
        run("umount", &[], &self.at)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.is_mounted {
            // Something has failed before; whoever uses it still keeps it until it ends.
            let _ = run("umount", &["-l"], &self.at);
        }
    }
}

/// A file that only takes room on a disk.
#[derive(Debug)]
pub struct Ballast {
    path: PathBuf,
    file: fs::File,
}

impl Ballast {
    /// An empty one in a directory.
    pub fn new(directory: &Path) -> Result<Self, Error> {
        let path = directory.join("ballast");
        let file = fs::File::create(&path).map_err(Error::file(&path))?;
        Ok(Self { path, file })
    }

    /// Takes all but so many bytes. Returns how many are left.
    pub fn leave(&mut self, bytes: u64) -> Result<u64, Error> {
        let free = || -> Result<u64, Error> {
            let space = rustix::fs::statvfs(&self.path)?;
            Ok(space.f_bavail.saturating_mul(space.f_frsize))
        };
        loop {
            let left = free()?;
            if left <= bytes {
                return Ok(left);
            }
            // Not more than a block, so that it fits.
            let size = (left - bytes).min(BLOCK as u64) as usize;
            match self.file.write_all(&vec![1; size]) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return free(),
                Err(error) => return Err(Error::file(&self.path)(error)),
            }
        }
    }

    /// Gives the room back.
    pub fn remove(self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(Error::file(&self.path))
    }
}

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etl_model::Route;
use etl_sdk::{ConnectorError, failpoint};
use uuid::Uuid;

use super::disk;
use super::manifest::{Kind, Manifest, VERSION};
use crate::error::FileError;

/// The manifests of one route: a chain in which every number is created exactly once.
///
/// **Invariant:** the highest manifest is never removed. A writer that creates a number which was taken and removed
/// again therefore always sees a higher one behind it.
#[derive(Debug, Clone)]
pub struct Chain {
    folder: PathBuf,
    route: Route,
}

/// What became of the attempt to create a number.
#[derive(Debug)]
pub enum Appended {
    /// The manifest is in the chain, durably.
    Created,
    /// Somebody else's is there.
    Taken(Box<Manifest>),
}

impl Chain {
    /// The chain in a route's folder; the folder need not exist yet.
    pub fn new(folder: PathBuf, route: Route) -> Self {
        Self { folder, route }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:016}.json"))
    }

    fn numbers(&self) -> Result<Vec<u64>, FileError> {
        let names = disk::names(&self.folder)?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, number: u64) -> Result<Option<Manifest>, FileError> {
        let path = self.path(number);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::io("read", &path)(error)),
        };
        let damaged = |message| FileError::Damaged { path: path.clone(), message };
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| damaged(format!("the manifest cannot be read: {error}")))?;
        if manifest.version != VERSION || manifest.number != number || manifest.route != self.route {
            return Err(damaged("the manifest belongs to another route or version".to_owned()));
        }
        Ok(Some(manifest))
    }

    /// The highest manifest.
    pub fn last(&self) -> Result<Option<Manifest>, FileError> {
        loop {
            let Some(&number) = self.numbers()?.last() else { return Ok(None) };
            // Gone in between means that a higher one exists by now.
            if let Some(manifest) = self.read(number)? {
                return Ok(Some(manifest));
            }
        }
    }

    /// All manifests, ascending.
    pub fn all(&self) -> Result<Vec<Manifest>, FileError> {
        let mut manifests = Vec::new();
        for number in self.numbers()? {
            manifests.extend(self.read(number)?);
        }
        Ok(manifests)
    }

    /// Tries to create the manifest under its number. Passes through the crash points of a commit for a unit.
    pub fn append(&self, manifest: &Manifest) -> Result<Appended, ConnectorError> {
        let path = self.path(manifest.number);
        let temporary = self.folder.join(format!("tmp-{:016}-{}", manifest.fence, Uuid::new_v4().simple()));
        let text =
            serde_json::to_vec(manifest).map_err(|error| ConnectorError::internal(error.to_string()))?;
        disk::write_new(&temporary, &text)?;
        let is_unit = manifest.kind == Kind::Unit;
        if is_unit {
            failpoint("commit_started")?;
        }
        let created = match disk::link(&temporary, &path) {
            // A later owner has swept the temporary file away.
            Err(_) if disk::identity(&temporary)?.is_none() => false,
            created => created?,
        };
        if is_unit && created {
            failpoint("commit_done")?;
        }
        disk::remove(&temporary)?;
        disk::sync_directory(&self.folder)?;
        Ok(self.outcome(manifest, created)?)
    }

    fn outcome(&self, manifest: &Manifest, created: bool) -> Result<Appended, FileError> {
        let Some(last) = self.last()? else {
            let message = "the manifests were removed while the workflow ran".to_owned();
            return Err(FileError::Damaged { path: self.folder.clone(), message });
        };
        if last.attempt == manifest.attempt {
            return Ok(Appended::Created);
        }
        // A network file system may report a link that it has made as taken.
        let ours =
            created || self.read(manifest.number)?.is_some_and(|found| found.attempt == manifest.attempt);
        if ours && manifest.kind == Kind::Unit {
            // A later owner has gone on from this unit, unless the number was free because the chain had been cut
            // short behind it: then the number that this unit follows is gone too.
            if self.read(manifest.number - 1)?.is_some() {
                return Ok(Appended::Created);
            }
            disk::remove(&self.path(manifest.number))?;
        }
        Ok(Appended::Taken(Box::new(last)))
    }

    /// Removes the manifests below a number, lowest first; the number must be durable itself.
    pub fn forget_below(&self, number: u64) -> Result<(), FileError> {
        for old in self.numbers()?.into_iter().filter(|&old| old < number) {
            disk::remove(&self.path(old))?;
        }
        Ok(())
    }

    /// Removes segments and temporary files of fences below `fence`, except those to keep. Files of this and later
    /// fences are left alone: a later owner may be at work already.
    pub fn sweep(&self, fence: u64, keep: impl Fn(&str) -> bool) -> Result<(), FileError> {
        for name in disk::names(&self.folder)? {
            if fence_of(&name).is_some_and(|of| of < fence) && !keep(&name) {
                disk::remove(&self.folder.join(&name))?;
            }
        }
        Ok(())
    }
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    (digits.len() == 16).then(|| digits.parse().ok()).flatten()
}

fn fence_of(name: &str) -> Option<u64> {
    let rest = name.strip_prefix("seg-").or_else(|| name.strip_prefix("tmp-"))?;
    rest.split_once('-')?.0.parse().ok()
}

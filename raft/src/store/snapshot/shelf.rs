use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use etl_raft_state::State;
use uuid::Uuid;

use super::{SnapshotMeta, verify, write_snapshot};
use crate::Error;
use crate::store::durable;
use crate::type_config::SnapshotFile;

const PREFIX: &str = "snap-";
const SUFFIX: &str = "etl";
const INCOMING: &str = "incoming-";
const DAMAGED: &str = "damaged";

/// Received snapshots that may wait for being installed. More means that nobody wants the oldest.
const WAITING: usize = 4;

/// The directory of snapshots. The newest one counts; the one before it stays until the next, for those who have been
/// handed its path and have not opened it yet. An open file outlives its name.
#[derive(Debug)]
pub(crate) struct Shelf {
    dir: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    current: Option<(SnapshotMeta, SnapshotFile)>,
    previous: Option<PathBuf>,
    received: VecDeque<PathBuf>,
}

impl Shelf {
    /// Opens the directory, removes what was never finished and finds the newest sound snapshot. One that is damaged is
    /// set aside under another name and told of: it must not be sent to anyone.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub(crate) fn open(dir: PathBuf) -> Result<Self, Error> {
        durable::create_dir(&dir)?;
        let mut kept = Kept::default();
        for path in durable::list(&dir)? {
            match path.extension().and_then(|end| end.to_str()) {
                Some(durable::UNFINISHED) => durable::remove(&path)?,
                Some(SUFFIX) => kept.try_keep(&path)?,
                _ => {}
            }
        }
        durable::sync_dir(&dir)?;
        Ok(Self { dir, kept: Mutex::new(kept) })
    }

    pub(crate) fn current(&self) -> Option<(SnapshotMeta, SnapshotFile)> {
        self.lock().current.clone()
    }

    /// Whether a snapshot still holds what was written; reads all of it. One that does not is set aside under another name.
    pub(crate) fn is_sound(path: &Path) -> bool {
        match verify(path) {
            Ok(_) => true,
            Err(Error::Damaged { path, problem }) => {
                set_aside(&path, &problem);
                false
            }
            Err(error) => {
                tracing::warn!(%error, "a snapshot cannot be read");
                false
            }
        }
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        durable::size_of(&self.dir)
    }

    /// Writes a snapshot durably and makes it the current one, unless a newer one has become that meanwhile. Returns the
    /// current one.
    pub(crate) fn write(
        &self,
        meta: SnapshotMeta,
        state: &State,
    ) -> Result<(SnapshotMeta, SnapshotFile), Error> {
        let file = write_snapshot(&self.path(&meta), &meta, state)?;
        self.put(meta, file)
    }

    /// Makes a snapshot from elsewhere, which has been checked, the current one, durably.
    pub(crate) fn take_in(&self, meta: SnapshotMeta, file: &SnapshotFile) -> Result<(), Error> {
        let path = self.path(&meta);
        if path != file.path {
            let ours = file.path.parent() == Some(&self.dir)
                && file
                    .path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(|name| name.starts_with(INCOMING));
            let complete = if ours { file.path.clone() } else { durable::unfinished(&path) };
            if !ours {
                fs::copy(&file.path, &complete).map_err(Error::io(&complete))?;
            }
            File::open(&complete).and_then(|file| file.sync_all()).map_err(Error::io(&complete))?;
            durable::rename(&complete, &path)?;
        }
        self.lock().received.retain(|received| *received != file.path);
        self.put(meta, SnapshotFile { path, size: file.size }).map(drop)
    }

    /// Where a snapshot that arrives is put together.
    pub(crate) fn incoming_path(&self) -> PathBuf {
        self.dir.join(format!("{INCOMING}{}.{}", Uuid::new_v4().simple(), durable::UNFINISHED))
    }

    /// Notes a snapshot that has arrived and may be installed.
    pub(crate) fn received(&self, path: &Path) {
        let mut kept = self.lock();
        kept.received.push_back(path.to_owned());
        if kept.received.len() > WAITING
            && let Some(oldest) = kept.received.pop_front()
            && let Err(error) = durable::remove(&oldest)
        {
            tracing::warn!(%error, "a snapshot that nobody wants could not be removed");
        }
    }

    fn put(&self, meta: SnapshotMeta, file: SnapshotFile) -> Result<(SnapshotMeta, SnapshotFile), Error> {
        let mut kept = self.lock();
        match kept.current.take() {
            Some((newer, kept_file)) if newer.last_log_id > meta.last_log_id => {
                let current = (newer, kept_file);
                kept.current = Some(current.clone());
                if file.path != current.1.path {
                    durable::remove(&file.path)?;
                }
                return Ok(current);
            }
            Some((_, before)) if before.path != file.path => {
                if let Some(oldest) = kept.previous.replace(before.path)
                    && oldest != file.path
                {
                    durable::remove(&oldest)?;
                }
            }
            _ => {}
        }
        kept.current = Some((meta.clone(), file.clone()));
        drop(kept);
        durable::sync_dir(&self.dir)?;
        Ok((meta, file))
    }

    fn path(&self, meta: &SnapshotMeta) -> PathBuf {
        let name = match meta.last_log_id {
            Some(last) => {
                format!("{PREFIX}{}-{}-{}.{SUFFIX}", last.leader_id.term, last.leader_id.node_id, last.index)
            }
            None => format!("{PREFIX}empty.{SUFFIX}"),
        };
        self.dir.join(name)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Every change of it is complete before anything that could panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It must not be sent to anyone. What cannot be renamed is found out again by the next who looks.
fn set_aside(path: &Path, problem: &str) {
    tracing::error!(path = %path.display(), problem, "a damaged snapshot has been set aside");
    if let Err(error) = fs::rename(path, path.with_extension(DAMAGED)) {
        tracing::warn!(%error, "it could not be renamed");
    }
}

impl Kept {
    /// Keeps the snapshot if it is sound and the newest yet; otherwise it, or the one before, goes.
    fn try_keep(&mut self, path: &Path) -> Result<(), Error> {
        let meta = match verify(path) {
            Ok(meta) => meta,
            Err(error @ Error::Damaged { .. }) => {
                tracing::error!(%error, "a damaged snapshot has been set aside");
                let aside = path.with_extension(DAMAGED);
                return fs::rename(path, &aside).map_err(Error::io(path));
            }
            Err(error) => return Err(error),
        };
        let size = path.metadata().map_err(Error::io(path))?.len();
        let file = SnapshotFile { path: path.to_owned(), size };
        let gone = match self.current.take() {
            Some((newer, kept)) if newer.last_log_id > meta.last_log_id => {
                self.current = Some((newer, kept));
                Some(file.path)
            }
            before => {
                self.current = Some((meta, file));
                before.map(|(_, before)| before.path)
            }
        };
        gone.map_or(Ok(()), |gone| durable::remove(&gone))
    }
}

/// For a snapshot that openraft asks for in order to fill it.
impl Shelf {
    pub(crate) fn blank(&self) -> Result<SnapshotFile, Error> {
        let path = self.incoming_path();
        durable::create(&path)?;
        Ok(SnapshotFile { path, size: 0 })
    }

    /// Why a snapshot cannot be installed that does not say what openraft was told of it.
    pub(crate) fn mismatch(path: &Path, found: &SnapshotMeta, told: &SnapshotMeta) -> Error {
        let problem =
            format!("it includes {:?}, but {:?} was announced", found.last_log_id, told.last_log_id);
        Error::io(path)(io::Error::new(io::ErrorKind::InvalidData, problem))
    }
}

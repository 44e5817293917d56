use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::dir_lock::DirLock;
use super::identity::{Identity, field};
use super::quarantine;
use super::reserve::{Reserve, Space, space};
use super::{durable, text};
use crate::Error;

const STORE_ID: &str = "store-id";
const IDENTITY: &str = "identity";
const LOCK: &str = "lock";
const RESERVE: &str = "reserve";

/// The directory that a node keeps everything in, held by this process for as long as this value or a
/// [`Storage`](super::Storage) opened from it lives.
///
/// ```text
/// store-id     made with the directory; a wiped directory has another
/// identity     cluster, node and store; written before the node takes part in anything
/// lock         locked by the process that uses the directory; holds its pid
/// wal/         vote and log
/// log-end      how far the log was certainly on disk
/// state/       the state machine
/// snapshots/   snapshots, and those being received
/// reserve      room that is given back when the disk is full
/// ```
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    store: Mutex<Uuid>,
    pub(super) lock: Arc<DirLock>,
    pub(super) reserve: Arc<Reserve>,
}

impl DataDir {
    /// Opens the directory, creates it when it is missing, and locks it against other processes.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Io`], [`Error::Damaged`] when its `store-id` cannot be read, and [`Error::WrongIdentity`]
    /// when it holds something but has never been a data directory.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        durable::create_dir(path)?;
        let foreign = !path.join(STORE_ID).exists() && !is_empty(path)?;
        if foreign && !quarantine::is_unfinished(path) {
            return Err(Error::WrongIdentity(format!(
                "{} is not empty and has no `{STORE_ID}`; use an empty or a new directory as data directory",
                path.display()
            )));
        }
        let lock = Arc::new(DirLock::take(path, &path.join(LOCK))?);
        quarantine::finish(path)?;
        let store = store_id(path)?;
        let reserve = Arc::new(Reserve::open(path.join(RESERVE))?);
        Ok(Self { path: path.to_owned(), store: Mutex::new(store), lock, reserve })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The id made with this directory.
    pub fn store(&self) -> Uuid {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who this directory belongs to, or `None` when it has taken part in nothing yet.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it cannot be read, [`Error::WrongIdentity`] when it was written for another store,
    /// [`Error::Io`]
    pub fn identity(&self) -> Result<Option<Identity>, Error> {
        let path = self.path.join(IDENTITY);
        let Some(identity) = Identity::read(&path)? else { return Ok(None) };
        let store = self.store();
        if identity.store != store {
            return Err(Error::WrongIdentity(format!(
                "{} was written for store {}, but this directory is store {store}; was it copied from another node?",
                path.display(),
                identity.store
            )));
        }
        Ok(Some(identity))
    }

    /// Writes the identity durably. To be done before consensus starts, and once.
    ///
    /// # Errors
    /// [`Error::WrongIdentity`] when the directory has another identity already or `identity` names another store,
    /// [`Error::Io`], [`Error::Damaged`]
    pub fn write_identity(&self, identity: &Identity) -> Result<(), Error> {
        let store = self.store();
        if identity.store != store {
            return Err(Error::WrongIdentity(format!(
                "{} is store {store}; an identity for store {} does not belong there",
                self.path.display(),
                identity.store
            )));
        }
        match self.identity()? {
            None => identity.write(&self.path.join(IDENTITY)),
            Some(present) if present == *identity => Ok(()),
            Some(present) => Err(Error::WrongIdentity(format!(
                "{} belongs to node {} of cluster {}; move it away before it is used for node {} of cluster {}",
                self.path.display(),
                present.node,
                present.cluster,
                identity.node,
                identity.cluster
            ))),
        }
    }

    /// Whether nothing has been kept here yet: no identity, no log, no state, no snapshot.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn is_pristine(&self) -> Result<bool, Error> {
        if self.path.join(IDENTITY).exists() || self.log_end().exists() {
            return Ok(false);
        }
        for dir in [self.wal(), self.state(), self.snapshots()] {
            if !durable::list(&dir)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves all that is kept here into a new directory `quarantine-N` beside it, which is returned, and makes a new
    /// store-id. What was opened from this directory must be closed before. A crash meanwhile is made up for by the next
    /// [`DataDir::open`].
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn quarantine(&self) -> Result<PathBuf, Error> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let place = quarantine::begin(&self.path)?;
        quarantine::finish(&self.path)?;
        *store = store_id(&self.path)?;
        Ok(place)
    }

    /// Room left on the file system of this directory.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn space(&self) -> Result<Space, Error> {
        space(&self.path)
    }

    pub(super) fn wal(&self) -> PathBuf {
        self.path.join("wal")
    }

    pub(super) fn log_end(&self) -> PathBuf {
        self.path.join("log-end")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }
}

/// Whether there is nothing but what may be there before the first use: the lock, the reserve, a `store-id` that was not
/// finished, and what a file system keeps at its root.
fn is_empty(path: &Path) -> Result<bool, Error> {
    let unfinished = durable::unfinished(Path::new(STORE_ID));
    let harmless = [LOCK.as_ref(), RESERVE.as_ref(), "lost+found".as_ref(), unfinished.as_os_str()];
    let found = durable::list(path)?;
    Ok(found.iter().all(|entry| {
        entry
            .file_name()
            .is_some_and(|name| harmless.contains(&name) || name.to_str().is_some_and(quarantine::is_place))
    }))
}

/// Reads the store-id, or makes one durably.
fn store_id(path: &Path) -> Result<Uuid, Error> {
    let path = path.join(STORE_ID);
    if let Some(fields) = text::read(&path)? {
        return field(&path, &fields, "store");
    }
    let store = Uuid::new_v4();
    text::write(&path, &[("store", store.to_string())])?;
    Ok(store)
}

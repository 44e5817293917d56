use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StateError;

/// The database of this format, below the state directory.
pub(crate) const DATABASE: &str = "v1";

/// Typed access to sled with the one durability rule: a write that returned is on the disk.
#[derive(Clone)]
pub(crate) struct Store {
    db: sled::Db,
    path: PathBuf,
}

/// Several changes that become durable together.
#[derive(Default)]
pub(crate) struct Changes(sled::Batch);

impl Changes {
    /// Sets a key.
    pub fn put<T: Serialize>(&mut self, key: &str, value: &T) {
        // Serialising our own records cannot fail: they hold no maps with keys other than text.
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        self.0.insert(key.as_bytes(), bytes);
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(key.as_bytes());
    }
}

/// Removes files that a process was writing when it died. Only for the owner of the directory's lock.
///
/// sled refuses to open for good when it finds one of them: a snapshot before its renaming, which it takes for the
/// newest, and the settings of a database that was never created.
fn clear_unfinished(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    let settings = path.join("conf");
    if settings.try_exists()? && !path.join("db").try_exists()? {
        fs::remove_file(settings)?;
    }
    Ok(())
}

impl Store {
    /// Opens or creates the database in `directory`.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        let path = directory.join(DATABASE);
        clear_unfinished(&path).map_err(|source| StateError::Io { path: path.clone(), source })?;
        let opened = sled::Config::new().path(&path).flush_every_ms(None).cache_capacity(4 << 20).open();
        let db = opened.map_err(|source| StateError::Database { path: path.clone(), source })?;
        let store = Self { db, path };
        store.sync_directory(directory)?;
        Ok(store)
    }

    fn sync_directory(&self, directory: &Path) -> Result<(), StateError> {
        for path in [directory, self.path.as_path(), &self.path.join("conf")] {
            let synced = File::open(path).and_then(|file| file.sync_all());
            synced.map_err(|source| StateError::Io { path: path.to_path_buf(), source })?;
        }
        Ok(())
    }

    fn database(&self, source: sled::Error) -> StateError {
        StateError::Database { path: self.path.clone(), source }
    }

    fn decode<T: DeserializeOwned>(&self, key: &[u8], bytes: &[u8]) -> Result<T, StateError> {
        serde_json::from_slice(bytes).map_err(|error| StateError::Decode {
            path: self.path.clone(),
            key: String::from_utf8_lossy(key).into_owned(),
            message: error.to_string(),
        })
    }

    /// The value of a key.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StateError> {
        let bytes = self.db.get(key).map_err(|error| self.database(error))?;
        bytes.map(|bytes| self.decode(key.as_bytes(), &bytes)).transpose()
    }

    /// All keys with a prefix, without it, and their values, in order.
    pub fn list<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<(String, T)>, StateError> {
        self.db
            .scan_prefix(prefix)
            .map(|entry| {
                let (key, bytes) = entry.map_err(|error| self.database(error))?;
                let name = String::from_utf8_lossy(&key[prefix.len()..]).into_owned();
                Ok((name, self.decode(&key, &bytes)?))
            })
            .collect()
    }

    /// Applies the changes atomically; they are on the disk when it returns.
    pub fn apply(&self, changes: Changes) -> Result<(), StateError> {
        self.db.apply_batch(changes.0).map_err(|error| self.database(error))?;
        self.db.flush().map_err(|error| self.database(error))?;
        let file = self.path.join("db");
        File::open(&file)
            .and_then(|file| file.sync_data())
            .map_err(|source| StateError::Io { path: file, source })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_unfinished_does_no_harm() {
        let directory = tempfile::tempdir().unwrap();
        let unfinished = directory.path().join("v1/snap.00000000000000FF.generating");
        fs::create_dir_all(directory.path().join(DATABASE)).unwrap();
        fs::write(directory.path().join("v1/conf"), b"cut off in the middle").unwrap();
        for value in 0..4_u32 {
            let store = Store::open(directory.path()).unwrap();
            assert_eq!(store.get::<u32>("key").unwrap(), value.checked_sub(1));
            let mut changes = Changes::default();
            changes.put("key", &value);
            store.apply(changes).unwrap();
            drop(store);
            fs::write(&unfinished, [b"", b"half a snapshot".as_slice()][value as usize % 2]).unwrap();
        }
    }
}

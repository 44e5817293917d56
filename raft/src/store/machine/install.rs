use tokio::task;

use super::current::Current;
use super::position::Position;
use super::shared::{Machine, SharedState};
use crate::Error;
use crate::store::snapshot::{Shelf, SnapshotMeta, read_snapshot};
use crate::type_config::{LogId, SnapshotFile};

impl SharedState {
    /// Puts a snapshot in the place of the state. It is checked completely first. The one step that counts on disk is the
    /// rename that makes the snapshot the current one, so that a crash leaves the state before or the one of the snapshot; the
    /// log is only purged after that. The database, which is made anew in the background, may lag behind the snapshot.
    pub(super) async fn install(&self, told: &SnapshotMeta, file: SnapshotFile) -> Result<(), Error> {
        let machine = &self.machine;
        let path = file.path.clone();
        let read = blocking(move || read_snapshot(&path)).await?;
        let (meta, state) = read;
        if meta.last_log_id != told.last_log_id || meta.last_membership != told.last_membership {
            return Err(Shelf::mismatch(&file.path, &meta, told));
        }
        let position = Position::from(&meta);
        let applied = position.applied;
        let shelf = machine.shelf.clone();
        blocking(move || shelf.take_in(meta, &file)).await?;
        machine.persister.replace(state.clone(), position.clone())?;
        machine.cover_up_to(applied);
        self.change(|current| *current = Current { state, position });
        machine.applied.send_replace(applied);
        Ok(())
    }
}

impl Machine {
    pub(super) fn cover_up_to(&self, log_id: Option<LogId>) {
        self.covered.send_if_modified(|covered| {
            let further = *covered < log_id;
            *covered = (*covered).max(log_id);
            further
        });
    }
}

/// Runs what waits for the disk where waiting harms nobody.
async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    task::spawn_blocking(run).await.unwrap_or_else(|error| {
        let died = std::io::Error::other(error);
        Err(Error::io("snapshots")(died))
    })
}

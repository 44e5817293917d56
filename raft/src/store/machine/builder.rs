use std::sync::Arc;

use openraft::{AnyError, RaftSnapshotBuilder, Snapshot, StorageError, StorageIOError};
use tokio::task;

use super::current::Current;
use super::shared::SharedState;
use crate::Error;
use crate::store::snapshot::{Shelf, SnapshotMeta};
use crate::type_config::{NodeId, SnapshotFile, TypeConfig};

/// Writes a snapshot of the state as it was when this was made. Entries are applied meanwhile.
pub struct SnapshotBuilder {
    shared: SharedState,
    view: Arc<Current>,
}

impl SnapshotBuilder {
    pub(super) fn new(shared: SharedState) -> Self {
        let view = Arc::new(shared.look(Clone::clone));
        Self { shared, view }
    }

    /// Returns the newest snapshot, which includes at least the view: a newer one may have been installed meanwhile. One that
    /// is there already is checked, and made anew if it is damaged.
    pub(super) async fn build(&self) -> Result<(SnapshotMeta, SnapshotFile), Error> {
        let machine = &self.shared.machine;
        let _one_at_a_time = machine.building.lock().await;
        let mut view = self.view.clone();
        if let Some((meta, file)) = machine.shelf.current()
            && meta.last_log_id >= view.position.applied
        {
            let path = file.path.clone();
            if task::spawn_blocking(move || Shelf::is_sound(&path)).await.unwrap_or(false) {
                return Ok((meta, file));
            }
            // An older one would not take its place.
            view = Arc::new(self.shared.look(Clone::clone));
        }
        // What the snapshot includes may be removed from the log, so it must be durable in the state too.
        machine.persister.sync().await?;
        let shelf = machine.shelf.clone();
        let written = task::spawn_blocking(move || shelf.write(view.position.meta(), &view.state)).await;
        let written =
            written.unwrap_or_else(|error| Err(Error::io("snapshots")(std::io::Error::other(error))));
        let (meta, file) = written.inspect_err(|error| machine.reserve.release_if_full(error))?;
        machine.cover_up_to(meta.last_log_id);
        Ok((meta, file))
    }
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, StorageError<NodeId>> {
        let built = self.build().await;
        let (meta, file) =
            built.map_err(|error| StorageIOError::write_snapshot(None, AnyError::new(&error)))?;
        Ok(Snapshot { meta, snapshot: Box::new(file) })
    }
}

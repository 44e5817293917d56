use std::sync::Arc;

use openraft::{AnyError, RaftSnapshotBuilder, Snapshot, StorageError, StorageIOError};
use tokio::task;

use super::current::Current;
use super::shared::SharedState;
use crate::Error;
use crate::store::snapshot::SnapshotMeta;
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

    /// Returns the newest snapshot, which includes at least the view: a newer one may have been installed meanwhile.
    pub(super) async fn build(&self) -> Result<(SnapshotMeta, SnapshotFile), Error> {
        let machine = &self.shared.machine;
        let _one_at_a_time = machine.building.lock().await;
        if let Some((meta, file)) = machine.shelf.current()
            && meta.last_log_id >= self.view.position.applied
        {
            return Ok((meta, file));
        }
        // What the snapshot includes may be removed from the log, so it must be durable in the state too.
        machine.persister.sync().await?;
        let (shelf, view) = (machine.shelf.clone(), self.view.clone());
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

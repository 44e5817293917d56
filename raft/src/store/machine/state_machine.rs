use etl_raft_state::Response;
use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, OptionalSend, Snapshot, SnapshotMeta, StorageError, StorageIOError, StoredMembership,
};

use super::builder::SnapshotBuilder;
use super::shared::SharedState;
use crate::type_config::{LogId, NodeId, Peer, SnapshotFile, TypeConfig};

/// The state machine for openraft. Everyone else reads through the [`SharedState`].
#[derive(Debug)]
pub struct StateMachine {
    shared: SharedState,
}

impl StateMachine {
    pub(in crate::store) fn new(shared: SharedState) -> Self {
        Self { shared }
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId>, StoredMembership<NodeId, Peer>), StorageError<NodeId>> {
        let position = self.shared.position();
        Ok((position.applied, position.membership))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Response>, StorageError<NodeId>>
    where
        I: IntoIterator<Item = openraft::Entry<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let applied = self
            .shared
            .change(|current| current.apply(entries))
            .map_err(|(log_id, error)| StorageIOError::apply(log_id, AnyError::new(&error)))?;
        let machine = &self.shared.machine;
        machine
            .persister
            .write(applied.changes, applied.applied, applied.membership)
            .await
            .map_err(|error| StorageIOError::write_state_machine(AnyError::new(&error)))?;
        machine.applied.send_replace(applied.applied);
        Ok(applied.responses)
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        SnapshotBuilder::new(self.shared.clone())
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotFile>, StorageError<NodeId>> {
        let blank = self.shared.machine.shelf.blank();
        blank
            .map(Box::new)
            .map_err(|error| StorageIOError::write_snapshot(None, AnyError::new(&error)).into())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<NodeId, Peer>,
        snapshot: Box<SnapshotFile>,
    ) -> Result<(), StorageError<NodeId>> {
        self.shared.install(meta, *snapshot).await.map_err(|error| {
            StorageIOError::write_snapshot(Some(meta.signature()), AnyError::new(&error)).into()
        })
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, StorageError<NodeId>> {
        let current = self.shared.current_snapshot();
        Ok(current.map(|(meta, file)| Snapshot { meta, snapshot: Box::new(file) }))
    }
}
